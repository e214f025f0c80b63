/** The queries by name, in the workload's order. */
import type { Flow, Keying, Outlet, Table } from "millrace"
import type { Nexmark } from "../streams.ts"
import { cep0 } from "./cep0.ts"
import { cep1 } from "./cep1.ts"
import { cep2 } from "./cep2.ts"
import { cep3 } from "./cep3.ts"
import { q0 } from "./q0.ts"
import { q1 } from "./q1.ts"
import { q10 } from "./q10.ts"
import { q11 } from "./q11.ts"
import { q12 } from "./q12.ts"
import { q13 } from "./q13.ts"
import { q14 } from "./q14.ts"
import { q15 } from "./q15.ts"
import { q16 } from "./q16.ts"
import { q17 } from "./q17.ts"
import { q18 } from "./q18.ts"
import { q19 } from "./q19.ts"
import { q2 } from "./q2.ts"
import { q20 } from "./q20.ts"
import { q21 } from "./q21.ts"
import { q22 } from "./q22.ts"
import { q3 } from "./q3.ts"
import { q4 } from "./q4.ts"
import { q5 } from "./q5.ts"
import { q6 } from "./q6.ts"
import { q7 } from "./q7.ts"
import { q8 } from "./q8.ts"
import { q9 } from "./q9.ts"

/** Rows that still lack a sink, a table of rows or of lists of rows, or rows that have a sink of their own. */
export type Answer = Flow<object, Keying> | Table<object> | Outlet

export const queries: Readonly<Record<string, (input: Nexmark) => Answer>> = {
  q0,
  q1,
  q2,
  q3,
  q4,
  q5,
  q6,
  q7,
  q8,
  q9,
  q10,
  q11,
  q12,
  q13,
  q14,
  q15,
  q16,
  q17,
  q18,
  q19,
  q20,
  q21,
  q22,
  cep0,
  cep1,
  cep2,
  cep3,
}

/** Whether the query names its sink itself. */
export function isOutlet(answer: Answer): answer is Outlet {
  return "~outlet" in answer
}

/** Whether the answer is a table, of which the last row of each key counts. */
export function isTable(answer: Answer): answer is Table<object> {
  return "~table" in answer
}
