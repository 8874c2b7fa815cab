import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Frame } from "./parts/frame.tsx";
import { NotFound, PageBroke } from "./parts/states.tsx";
import { Overview } from "./views/overview/overview.tsx";

/** The pages. Overview comes with the first load; every other page is fetched when it is opened. */
export const buildRouter = () =>
  createRouter({
    routeTree: root.addChildren([
      overview,
      devices,
      device,
      executables,
      executable,
      packages,
      onePackage,
      decisions,
      findings,
      approvals,
      incidents,
      incident,
      policies,
      policyDraft,
      policy,
      audit,
    ]),
    // Addresses are read by people and written by other programs: plain names and values, no JSON inside.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search: Record<string, unknown>) => {
      const query = new URLSearchParams(search as Record<string, string>).toString();
      return query === "" ? "" : `?${query}`;
    },
    defaultErrorComponent: PageBroke,
    defaultNotFoundComponent: NotFound,
  });

const root = createRootRoute({ component: Frame });
const under = { getParentRoute: () => root };
const overview = createRoute({ ...under, path: "/", component: Overview });
const devices = createRoute({
  ...under,
  path: "/devices",
  component: lazyRouteComponent(() => import("./views/devices/devices.tsx"), "Devices"),
});
const device = createRoute({
  ...under,
  path: "/devices/$id",
  component: lazyRouteComponent(() => import("./views/devices/device.tsx"), "Device"),
});
const executables = createRoute({
  ...under,
  path: "/executables",
  component: lazyRouteComponent(() => import("./views/executables/executables.tsx"), "Executables"),
});
const executable = createRoute({
  ...under,
  path: "/executables/$id",
  component: lazyRouteComponent(() => import("./views/executables/executable.tsx"), "Executable"),
});
const decisions = createRoute({
  ...under,
  path: "/decisions",
  component: lazyRouteComponent(() => import("./views/gate/decisions.tsx"), "Decisions"),
});
const findings = createRoute({
  ...under,
  path: "/findings",
  component: lazyRouteComponent(() => import("./views/gate/findings.tsx"), "Findings"),
});
const approvals = createRoute({
  ...under,
  path: "/approvals",
  component: lazyRouteComponent(() => import("./views/approvals/approvals.tsx"), "Approvals"),
});
const incidents = createRoute({
  ...under,
  path: "/incidents",
  component: lazyRouteComponent(() => import("./views/incidents/incidents.tsx"), "Incidents"),
});
const incident = createRoute({
  ...under,
  path: "/incidents/$id",
  component: lazyRouteComponent(() => import("./views/incidents/incident.tsx"), "Incident"),
});
const policies = createRoute({
  ...under,
  path: "/policies",
  component: lazyRouteComponent(() => import("./views/policies/policies.tsx"), "Policies"),
});
const policyDraft = createRoute({
  ...under,
  path: "/policies/draft",
  component: lazyRouteComponent(() => import("./views/policies/draft.tsx"), "PolicyDraft"),
});
const policy = createRoute({
  ...under,
  path: "/policies/$number",
  component: lazyRouteComponent(() => import("./views/policies/policy.tsx"), "Policy"),
});
const audit = createRoute({
  ...under,
  path: "/audit",
  component: lazyRouteComponent(() => import("./views/audit/audit.tsx"), "Audit"),
});
const packages = createRoute({
  ...under,
  path: "/packages",
  component: lazyRouteComponent(() => import("./views/packages/packages.tsx"), "Packages"),
});
const onePackage = createRoute({
  ...under,
  path: "/package",
  component: lazyRouteComponent(() => import("./views/packages/package.tsx"), "Package"),
});
