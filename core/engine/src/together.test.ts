import assert from "node:assert/strict"
import { test } from "node:test"
import { compile, count, service, stream, task, tumbling } from "@millrace/sdk"
import { together } from "./together.ts"

const clicks = stream<{ user: string; page: string }>("clicks", { key: ({ user }) => user, partitions: 3 })
const views = stream<{ page: string }>("views", { key: ({ page }) => page, partitions: 2 })
const hits = stream<{ n: number }>("hits")

const collector = compile(service("collector", [clicks.map(({ page }) => ({ page })).to(views)]))
const counter = compile(service("counter", [views.window("per-page", tumbling("1m")).aggregate({ n: count() }).to(hits)]))

test("a stream that another service writes has that one's upstreams", () => {
  const upstreamsOf = (programs: ReturnType<typeof together>, name: string): number[] =>
    programs.map(({ plan }) => plan.streams.find((each) => each.name === name)?.upstreams ?? -1)
  assert.deepEqual(upstreamsOf([collector, counter], "views"), [3, 0])
  assert.deepEqual(upstreamsOf(together([collector, counter]), "views"), [3, 3])
  assert.deepEqual(upstreamsOf(together([counter, collector]), "views"), [3, 3])
})

test("programs that share no written stream stay as they are", () => {
  const alone = together([counter])
  assert.equal(alone[0], counter)
  assert.equal(together([collector, counter])[0], collector)
})

test("two services that write one stream are refused", () => {
  const other = compile(service("other", [clicks.map(({ page }) => ({ page })).to(views)]))
  assert.throws(() => together([collector, other]), {
    code: "MR1103",
    message: /^Services "collector" and "other" both write stream "views"; a stream has one writer\./,
  })
})

test("a task that two services have is refused with what helps: one has it and reads the other's streams", () => {
  const mail = task("mail", { run: async ({ page }: { page: string }) => page })
  const mailer = compile(service("mailer", [mail]))
  const shop = compile(service("shop", [views.to(mail)]))
  assert.throws(() => together([mailer, shop]), {
    code: "MR1103",
    message: /^Services "mailer" and "shop" both have task "mail"; a task belongs to one service of a node\. Let one of them have it and read the other's streams, such as orders\.to\(mail\)/,
  })
  const reading = compile(service("mailer", [views.to(mail)]))
  assert.equal(together([collector, reading]).length, 2)
})

test("a task whose output two services read is the one's that has it; the other reads what its runs give", () => {
  const mail = task("mail", { run: async ({ page }: { page: string }) => ({ page }) })
  const sent = stream<{ page: string }>("sent")
  const mailer = compile(service("mailer", [mail]))
  const reader = compile(service("reader", [mail.output.to(sent)]))
  const alone = together([reader])[0]?.plan
  assert.deepEqual([alone?.tasks.map(({ name }) => name), alone?.stages.map(({ input }) => input)], [["mail"], ["reader/mail.commands", "mail.output"]])
  for (const given of [[mailer, reader], [reader, mailer]]) {
    const programs = together(given)
    const read = programs.find(({ plan }) => plan.service === "reader")
    assert.deepEqual([read?.plan.tasks, [...(read?.tasks.keys() ?? [])], [...(read?.operators.keys() ?? [])]], [[], [], ["mail.output"]])
    assert.deepEqual(read?.plan.streams.map(({ name }) => name), ["mail.output", "sent", "mail.output.dead-letter"])
    assert.deepEqual(programs.flatMap(({ plan }) => plan.tasks.map(({ name }) => `${plan.service} ${name}`)), ["mailer mail"])
  }
  const other = compile(service("other", [mail.output.to(stream<{ page: string }>("kept"))]))
  assert.throws(() => together([reader, other]), {
    code: "MR1103",
    message: 'Services "reader" and "other" both read the output of task "mail", and none of them has it. List it in one of them, such as service("reader", [mail, …]).',
  })
  assert.equal(together([reader, other, mailer]).length, 3)
})
