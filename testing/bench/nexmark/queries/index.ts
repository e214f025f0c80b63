/** The queries by name, in the workload's order. */
import type { Flow, Keying, Outlet } from "millrace"
import type { Nexmark } from "../streams.ts"
import { q0 } from "./q0.ts"
import { q1 } from "./q1.ts"
import { q10 } from "./q10.ts"
import { q14 } from "./q14.ts"
import { q2 } from "./q2.ts"
import { q21 } from "./q21.ts"
import { q22 } from "./q22.ts"
import { q5 } from "./q5.ts"

/** Rows that still lack a sink, or have one of their own. */
export type Answer = Flow<object, Keying> | Outlet

export const queries: Readonly<Record<string, (input: Nexmark) => Answer>> = { q0, q1, q2, q5, q10, q14, q21, q22 }
