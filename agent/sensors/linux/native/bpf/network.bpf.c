/* Who connects and who listens. */
#include "types.h"
#include <bpf/bpf_endian.h>
#include "emit.h"

char LICENSE[] SEC("license") = "GPL";

#define FAMILY_4 2
#define FAMILY_6 10
#define TCP 6
#define UDP 17

inlined void empty(struct pv_socket *told) {
  told->local_port = 0;
  __builtin_memset(told->local, 0, sizeof told->local);
  __builtin_memset(told->remote, 0, sizeof told->remote);
}

/* At the attempt, in the process's own name: its local port is chosen a moment later and stays 0. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_socket, const struct sock *sock, int before, int now) {
  u16 type = now == BPF_TCP_LISTEN ? PV_LISTEN : PV_CONNECT;
  if (type == PV_CONNECT && (before != BPF_TCP_CLOSE || now != BPF_TCP_SYN_SENT)) return 0;
  struct telemetry_settings *set = settings_of();
  u16 family = sock->__sk_common.skc_family;
  if ((family != FAMILY_4 && family != FAMILY_6) || !set || !wanted(set)) return 0;
  struct pv_socket *told = room(type, sizeof *told);
  if (!told) return 0;
  begin(&told->event, type, sizeof *told, (void *)bpf_get_current_task());
  empty(told);
  told->family = family;
  told->protocol = BPF_CORE_READ_BITFIELD_PROBED(sock, sk_protocol);
  told->local_port = sock->__sk_common.skc_num;
  told->remote_port = type == PV_LISTEN ? 0 : bpf_ntohs(sock->__sk_common.skc_dport);
  if (family == FAMILY_4) {
    *(u32 *)told->local = sock->__sk_common.skc_rcv_saddr;
    if (type == PV_CONNECT) *(u32 *)told->remote = sock->__sk_common.skc_daddr;
  } else {
    BPF_CORE_READ_INTO(&told->local, sock, __sk_common.skc_v6_rcv_saddr);
    if (type == PV_CONNECT) BPF_CORE_READ_INTO(&told->remote, sock, __sk_common.skc_v6_daddr);
  }
  bpf_ringbuf_submit(told, wake(set, told->event.sequence));
  return 0;
}

/* Attached to the control group that is watched: who is in it needs no question. */
inlined struct pv_socket *addressed(struct telemetry_settings *set, struct bpf_sock_addr *to, u16 family) {
  if (to->protocol != UDP && !(to->protocol == TCP && set->tcp_by_cgroup)) return 0;
  if (!someone_else(set)) return 0;
  struct pv_socket *told = room(PV_CONNECT, sizeof *told);
  if (!told) return 0;
  begin(&told->event, PV_CONNECT, sizeof *told, (void *)bpf_get_current_task());
  empty(told);
  told->family = family;
  told->protocol = to->protocol;
  told->remote_port = bpf_ntohs(to->user_port);
  return told;
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *to) {
  struct telemetry_settings *set = settings_of();
  struct pv_socket *told = set ? addressed(set, to, FAMILY_4) : 0;
  if (!told) return 1;
  *(u32 *)told->remote = to->user_ip4;
  bpf_ringbuf_submit(told, wake(set, told->event.sequence));
  return 1;
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *to) {
  struct telemetry_settings *set = settings_of();
  struct pv_socket *told = set ? addressed(set, to, FAMILY_6) : 0;
  if (!told) return 1;
  u32 *remote = (u32 *)told->remote;
  remote[0] = to->user_ip6[0];
  remote[1] = to->user_ip6[1];
  remote[2] = to->user_ip6[2];
  remote[3] = to->user_ip6[3];
  bpf_ringbuf_submit(told, wake(set, told->event.sequence));
  return 1;
}
