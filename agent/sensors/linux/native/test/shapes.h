/* Every record of record.h, field by field, in the order of its places. */
#pragma once
#include "golden.h"

static const struct field hello[] = {
  FROM_TO(struct pv_hello, version, 1, PV_VERSION), UP_TO(struct pv_hello, tier, PV_TIER_A),
  UP_TO(struct pv_hello, parts, PV_PART_LEASES * 2 - 1), NUMBER(struct pv_hello, pid), NUMBER(struct pv_hello, boot_to_unix),
  NUMBER(struct pv_hello, remembered),
};
static const struct text hello_texts[] = {TEXT(struct pv_hello, release), TEXT(struct pv_hello, missing)};
static const struct field status[] = {
  NUMBER(struct pv_status, time), UP_TO(struct pv_status, mode, PV_BLOCK), UP_TO(struct pv_status, tier, PV_TIER_A),
  NUMBER(struct pv_status, asked), NUMBER(struct pv_status, hits), NUMBER(struct pv_status, hashed),
  NUMBER(struct pv_status, hashed_bytes), NUMBER(struct pv_status, agent_asked), NUMBER(struct pv_status, allowed),
  NUMBER(struct pv_status, denied), NUMBER(struct pv_status, late), NUMBER(struct pv_status, overloaded),
  NUMBER(struct pv_status, unreadable), NUMBER(struct pv_status, agent_gone), NUMBER(struct pv_status, killed),
  NUMBER(struct pv_status, events), NUMBER(struct pv_status, delivered), NUMBER(struct pv_status, lost),
  NUMBER(struct pv_status, remembered), NUMBER(struct pv_status, marked), NUMBER(struct pv_status, slowest_ns),
};
static const struct field lost[] = {
  NUMBER(struct pv_lost, time), NUMBER(struct pv_lost, count), UP_TO(struct pv_lost, kind, PV_CREDENTIALS), FROM_TO(struct pv_lost, where, 1, 4),
};
static const struct field tamper[] = {
  NUMBER(struct pv_tamper, time), PROCESS_AT(struct pv_tamper, who), FROM_TO(struct pv_tamper, what, PV_T_SIGNAL, PV_T_MARK),
  NUMBER(struct pv_tamper, detail), NUMBER(struct pv_tamper, target), UP_TO(struct pv_tamper, refused, 1),
};
static const struct text tamper_texts[] = {TEXT(struct pv_tamper, path)};
static const struct field ask[] = {
  NUMBER(struct pv_ask, id), NUMBER(struct pv_ask, time), NUMBER(struct pv_ask, deadline), PROCESS_AT(struct pv_ask, who),
  FILE_AT(struct pv_ask, file), RAW(struct pv_ask, digest), FROM_TO(struct pv_ask, access, PV_A_EXEC, PV_A_INPUT),
  UP_TO(struct pv_ask, flags, PV_F_SCRIPT * 2 - 1), FILE_AT(struct pv_ask, writer_file), PROCESS_AT(struct pv_ask, writer),
  NUMBER(struct pv_ask, written), NUMBER(struct pv_ask, owner), NUMBER(struct pv_ask, group), NUMBER(struct pv_ask, mode),
};
static const struct text ask_texts[] = {TEXT(struct pv_ask, path), TEXT(struct pv_ask, executable), TEXT(struct pv_ask, writer)};
static const struct field gate[] = {
  NUMBER(struct pv_gate, time), PROCESS_AT(struct pv_gate, who), FILE_AT(struct pv_gate, file), RAW(struct pv_gate, digest),
  FROM_TO(struct pv_gate, access, PV_A_EXEC, PV_A_INPUT), UP_TO(struct pv_gate, flags, PV_F_SCRIPT * 2 - 1), UP_TO(struct pv_gate, cause, PV_C_UNSEEN),
  UP_TO(struct pv_gate, allowed, 1), NUMBER(struct pv_gate, count),
};
static const struct text gate_texts[] = {TEXT(struct pv_gate, path), TEXT(struct pv_gate, executable)};
static const struct text refused_texts[] = {TEXT(struct pv_refused, why)};

static const struct field executed[] = {
  EVENT(struct pv_exec), FILE_AT(struct pv_exec, file), FILE_AT(struct pv_exec, script), NUMBER(struct pv_exec, argument_count),
};
static const struct text executed_texts[] = {
  TEXT(struct pv_exec, path), TEXT(struct pv_exec, script), TEXT(struct pv_exec, directory), TEXT(struct pv_exec, arguments),
  TEXT(struct pv_exec, group),
};
static const struct field forked[] = {EVENT(struct pv_fork), NUMBER(struct pv_fork, child), NUMBER(struct pv_fork, child_started)};
static const struct field exited[] = {EVENT(struct pv_exit), NUMBER(struct pv_exit, code), NUMBER(struct pv_exit, running_ns)};
static const struct field sockets[] = {
  EVENT(struct pv_socket), FROM_TO(struct pv_socket, family, 2, 10), FROM_TO(struct pv_socket, protocol, 6, 17), NUMBER(struct pv_socket, local_port),
  NUMBER(struct pv_socket, remote_port), RAW(struct pv_socket, local), RAW(struct pv_socket, remote),
};
static const struct field module[] = {EVENT(struct pv_module)};
static const struct text module_texts[] = {TEXT(struct pv_module, name)};
static const struct field reach[] = {
  EVENT(struct pv_reach), NUMBER(struct pv_reach, target), NUMBER(struct pv_reach, request), NUMBER(struct pv_reach, target_started),
};
static const struct field memfd[] = {EVENT(struct pv_memfd), NUMBER(struct pv_memfd, kind)};
static const struct text memfd_texts[] = {TEXT(struct pv_memfd, name)};
static const struct field bpf[] = {EVENT(struct pv_bpf), NUMBER(struct pv_bpf, command), NUMBER(struct pv_bpf, program_type)};
static const struct field mounted[] = {EVENT(struct pv_mount), NUMBER(struct pv_mount, device), FROM_TO(struct pv_mount, kind, 1, 3)};
static const struct text mounted_texts[] = {TEXT(struct pv_mount, path), TEXT(struct pv_mount, type)};
static const struct field changed[] = {
  EVENT(struct pv_change_event), FILE_AT(struct pv_change_event, file), UP_TO(struct pv_change_event, change, PV_W_FOLDER * 2 - 1),
};
static const struct text changed_texts[] = {TEXT(struct pv_change_event, path), TEXT(struct pv_change_event, old)};

static const struct field config[] = {
  UP_TO(struct pv_config, mode, PV_BLOCK), UP_TO(struct pv_config, libraries, 1), UP_TO(struct pv_config, scripts, 1),
  UP_TO(struct pv_config, syscalls, 1), NUMBER(struct pv_config, deadline_ms), NUMBER(struct pv_config, agent_gone_ms),
  NUMBER(struct pv_config, deny_ms), UP_TO(struct pv_config, late, PV_O_CLOSED), UP_TO(struct pv_config, overloaded, PV_O_CLOSED),
  UP_TO(struct pv_config, unreadable, PV_O_CLOSED), UP_TO(struct pv_config, agent_gone, PV_O_CLOSED),
  UP_TO(struct pv_config, restarted, PV_O_CLOSED), UP_TO(struct pv_config, unseen, PV_O_CLOSED), UP_TO(struct pv_config, files, 1),
  UP_TO(struct pv_config, events, 1),
};
static const struct field answer[] = {
  NUMBER(struct pv_answer, id), UP_TO(struct pv_answer, allow, 1), UP_TO(struct pv_answer, remember, 2), NUMBER(struct pv_answer, for_ms),
  FROM_TO(struct pv_answer, kind, 1, 4),
};
static const struct text answer_texts[] = {TEXT(struct pv_answer, notice)};
static const struct field digest[] = {
  RAW(struct pv_digest, digest), UP_TO(struct pv_digest, allow, 1), NUMBER(struct pv_digest, for_ms), FROM_TO(struct pv_digest, kind, 1, 4),
};
static const struct text digest_texts[] = {TEXT(struct pv_digest, notice)};
static const struct field path[] = {FROM_TO(struct pv_path, kind, 1, 6)};
static const struct text path_texts[] = {TEXT(struct pv_path, path)};
static const struct field forget[] = {RAW(struct pv_forget, digest), UP_TO(struct pv_forget, all, 1)};
static const struct field pulse[] = {NUMBER(struct pv_pulse, time)};
static const struct field guard[] = {NUMBER(struct pv_guard, pid)};
static const struct text guard_texts[] = {TEXT(struct pv_guard, path)};
static const struct field stop[] = {UP_TO(struct pv_stop, open, 1)};

static const struct shape shapes[] = {
  SHAPE_WITH("hello", PV_HELLO, struct pv_hello, hello, hello_texts),
  SHAPE("status", PV_STATUS, struct pv_status, status),
  SHAPE("lost", PV_LOST, struct pv_lost, lost),
  SHAPE_WITH("tamper", PV_TAMPER, struct pv_tamper, tamper, tamper_texts),
  SHAPE_WITH("ask", PV_ASK, struct pv_ask, ask, ask_texts),
  SHAPE_WITH("gate", PV_GATE, struct pv_gate, gate, gate_texts),
  {"refused", PV_REFUSED, sizeof(struct pv_refused), NULL, 0, refused_texts, COUNT(refused_texts)},
  SHAPE_WITH("exec", PV_EXEC, struct pv_exec, executed, executed_texts),
  SHAPE("fork", PV_FORK, struct pv_fork, forked),
  SHAPE("exit", PV_EXIT, struct pv_exit, exited),
  SHAPE("connect", PV_CONNECT, struct pv_socket, sockets),
  SHAPE("listen", PV_LISTEN, struct pv_socket, sockets),
  SHAPE_WITH("module", PV_MODULE, struct pv_module, module, module_texts),
  SHAPE("ptrace", PV_PTRACE, struct pv_reach, reach),
  SHAPE_WITH("memfd", PV_MEMFD, struct pv_memfd, memfd, memfd_texts),
  SHAPE("bpf", PV_BPF, struct pv_bpf, bpf),
  SHAPE_WITH("mount", PV_MOUNT, struct pv_mount, mounted, mounted_texts),
  SHAPE_WITH("file", PV_FILE, struct pv_change_event, changed, changed_texts),
  SHAPE("credentials", PV_CREDENTIALS, struct pv_reach, reach),
  SHAPE("config", PV_CONFIG, struct pv_config, config),
  SHAPE_WITH("answer", PV_ANSWER, struct pv_answer, answer, answer_texts),
  SHAPE_WITH("digest", PV_DIGEST, struct pv_digest, digest, digest_texts),
  SHAPE_WITH("path", PV_PATH, struct pv_path, path, path_texts),
  SHAPE("forget", PV_FORGET, struct pv_forget, forget),
  SHAPE("pulse", PV_PULSE, struct pv_pulse, pulse),
  SHAPE_WITH("guard", PV_GUARD, struct pv_guard, guard, guard_texts),
  SHAPE("stop", PV_STOP, struct pv_stop, stop),
};
