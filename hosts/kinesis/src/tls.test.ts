// The TLS port, with clients as they are: the AWS SDK and curl over HTTP/2, fetch over HTTP/1.1, boto3.
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { once } from "node:events"
import fs from "node:fs"
import { connect as connectHttp2 } from "node:http2"
import { connect } from "node:net"
import os from "node:os"
import path from "node:path"
import { createInterface } from "node:readline"
import { type TestContext, test } from "node:test"
import { connect as connectTls } from "node:tls"
import { fileURLToPath } from "node:url"
import { isMillraceError } from "@millrace/model"
import { startNode } from "millrace/node"

const openssl = "openssl"
const needsOpenssl = spawnSync(openssl, ["version"]).status === 0 ? {} : { skip: "there is no openssl to make certificates with" }

/** A certificate of its own for 127.0.0.1 and localhost, signed by a CA that nobody knows. */
function identityIn(dir: string, name: string): { readonly ca: string; readonly cert: string; readonly key: string } {
  const file = (end: string): string => path.join(dir, `${name}.${end}`)
  const run = (...words: string[]): void => {
    const { status, stderr } = spawnSync(openssl, words, { cwd: dir, encoding: "utf8" })
    assert.equal(status, 0, stderr)
  }
  const made = { ca: file("ca.pem"), cert: file("pem"), key: file("key") }
  fs.writeFileSync(file("ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  run("req", "-x509", ...ec, "-keyout", file("ca.key"), "-out", made.ca, "-subj", `/CN=${name} CA`, "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
  run("req", ...ec, "-keyout", made.key, "-out", file("csr"), "-subj", "/CN=localhost")
  run("x509", "-req", "-in", file("csr"), "-CA", made.ca, "-CAkey", file("ca.key"), "-CAcreateserial", "-out", made.cert, "-days", "2", "-extfile", file("ext"))
  return made
}

function dirOf(t: TestContext): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-tls-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function open(t: TestContext) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-tls-"))
  const { ca, ...identity } = identityIn(dir, "own")
  const node = await startNode({ files: [], dataDir: path.join(dir, "data"), port: 0, log: "silent", tls: { ...identity, port: 0 } })
  t.after(async () => {
    await node.close()
    fs.rmSync(dir, { recursive: true, force: true })
  })
  const { tlsUrl } = node
  assert.ok(tlsUrl)
  return { node, tlsUrl, ca, trusted: fs.readFileSync(ca) }
}

function run(command: string, words: readonly string[], env: Record<string, string> = {}): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, words, { env: { ...process.env, ...env } })
    let out = ""
    let err = ""
    child.stdout.on("data", (part: Buffer) => (out += part.toString()))
    child.stderr.on("data", (part: Buffer) => (err += part.toString()))
    child.on("error", (error) => resolve({ code: -1, out, err: error.message }))
    child.on("close", (code) => resolve({ code, out, err }))
  })
}

test("the AWS SDK works over TLS as it is, over HTTP/2", needsOpenssl, async (t) => {
  const { tlsUrl, ca } = await open(t)
  const file = fileURLToPath(new URL("../test/tls-client.mjs", import.meta.url))
  const { code, out, err } = await run(process.execPath, [file], { URL: tlsUrl, NODE_EXTRA_CA_CERTS: ca })
  assert.equal(code, 0, err)
  assert.equal(out.trim(), "over TLS")
})

test("curl is answered on the TLS port over HTTP/2 and over HTTP/1.1, with the same", needsOpenssl, async (t) => {
  const { node, tlsUrl, ca } = await open(t)
  const version = await run("curl", ["--version"])
  if (version.code !== 0) return t.skip("there is no curl")
  const plain = await (await fetch(`${node.url}/v1/streams`)).text()
  const words = ["-sS", "--cacert", ca, "-w", " %{http_version} %{http_code}", `${tlsUrl}/v1/streams`]
  assert.equal((await run("curl", ["--http1.1", ...words])).out, `${plain} 1.1 200`)
  if (/nghttp2/.test(version.out)) assert.equal((await run("curl", words)).out, `${plain} 2 200`)
  // Who does not trust the certificate asks nothing.
  assert.notEqual((await run("curl", ["-sS", `${tlsUrl}/v1/streams`])).code, 0)
})

test("boto3 works over TLS", needsOpenssl, async (t) => {
  const { tlsUrl, ca } = await open(t)
  const script = `
import boto3, os
k = boto3.client("kinesis", endpoint_url=os.environ["URL"], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", verify=os.environ["CA"])
k.create_stream(StreamName="py", ShardCount=1)
print(k.list_streams()["StreamNames"])
`
  const python = await run("python3", ["-c", "import boto3"])
  if (python.code !== 0) return t.skip("there is no boto3")
  const { code, out, err } = await run("python3", ["-c", script], { URL: tlsUrl, CA: ca })
  assert.equal(code, 0, err)
  assert.equal(out.trim(), "['py']")
})

test("client and node agree on the version in the handshake; without a word on it HTTP/1.1 and the preface are told apart", needsOpenssl, async (t) => {
  const { tlsUrl, trusted: ca } = await open(t)
  const { port } = new URL(tlsUrl)
  const answered = (ALPNProtocols: string[] | undefined): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ port: Number(port), host: "127.0.0.1", ca, ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }) })
      let got = ""
      socket.on("error", reject).on("end", () => resolve(`${String(socket.alpnProtocol)} ${got.slice(0, 12)}`))
      socket.setEncoding("latin1").on("data", (part: string) => (got += part))
      socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    })
  assert.equal(await answered(["http/1.1"]), "http/1.1 HTTP/1.1 200")
  assert.equal(await answered(undefined), "false HTTP/1.1 200")
  const session = connectHttp2(tlsUrl, { ca })
  const status = await new Promise((resolve, reject) => {
    session.on("error", reject)
    session.request({ ":path": "/healthz" }).on("response", (headers) => resolve(headers[":status"]))
  })
  assert.equal(status, 200)
  assert.equal(session.alpnProtocol, "h2")
  session.destroy()
})

test("what is no TLS on the TLS port harms nobody, and a node closes with connections of all kinds open", needsOpenssl, async (t) => {
  const { node, tlsUrl, trusted: ca } = await open(t)
  const port = Number(new URL(tlsUrl).port)
  for (const bytes of ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u0016\u0003\u0001\u0000\u0005hello", "\u0000"]) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined)
    const closed = new Promise((resolve) => socket.once("close", resolve))
    socket.resume().end(Buffer.from(bytes, "latin1"))
    await closed
  }
  // One that says nothing, one after the handshake, one that has asked.
  const silent = connect(port, "127.0.0.1").on("error", () => undefined)
  const idle = connectTls({ port, host: "127.0.0.1", ca }).on("error", () => undefined)
  await new Promise((resolve) => idle.once("secureConnect", resolve))
  const session = connectHttp2(tlsUrl, { ca })
  session.on("error", () => undefined)
  await new Promise((resolve) => session.request({ ":path": "/healthz" }).on("response", resolve).resume())
  await node.close()
  for (const socket of [silent, idle, session]) socket.destroy()
})

/** Who the node says that it is to somebody who connects now. */
function subjectAt(url: string, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port: Number(new URL(url).port), host: "127.0.0.1", ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on("error", reject)
  })
}

const fingerprintOf = (cert: string): string => new X509Certificate(fs.readFileSync(cert)).fingerprint256

test("a new certificate is taken without a restart: new connections get it, those that there are stay, a wrong one is refused (MR1405)", needsOpenssl, async (t) => {
  const dir = dirOf(t)
  const [own, next] = [identityIn(dir, "own"), identityIn(dir, "next")]
  const put = ({ cert, key }: { readonly cert: string; readonly key: string }): { readonly cert: string; readonly key: string } => {
    fs.copyFileSync(cert, path.join(dir, "node.pem"))
    fs.copyFileSync(key, path.join(dir, "node.key"))
    return { cert: path.join(dir, "node.pem"), key: path.join(dir, "node.key") }
  }
  const node = await startNode({ files: [], dataDir: path.join(dir, "data"), port: 0, log: "silent", tls: { ...put(own), port: 0 } })
  t.after(() => node.close())
  const { tlsUrl = "" } = node
  const [ca, nextCa] = [fs.readFileSync(own.ca), fs.readFileSync(next.ca)]
  assert.equal(await subjectAt(tlsUrl, ca), fingerprintOf(own.cert))
  const session = connectHttp2(tlsUrl, { ca })
  session.on("error", () => undefined)
  t.after(() => session.destroy())
  const status = (): Promise<unknown> => new Promise((resolve) => session.request({ ":path": "/healthz" }).on("response", (headers) => resolve(headers[":status"])).resume())
  assert.equal(await status(), 200)
  // Half of a new pair: the certificate before goes on.
  put({ cert: next.cert, key: own.key })
  await assert.rejects(node.renewCertificate(), (error) => isMillraceError(error) && error.code === "MR1405" && /key values mismatch/.test(error.message))
  assert.equal(await subjectAt(tlsUrl, ca), fingerprintOf(own.cert))
  put(next)
  await node.renewCertificate()
  assert.equal(await subjectAt(tlsUrl, nextCa), fingerprintOf(next.cert))
  await assert.rejects(subjectAt(tlsUrl, ca), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" })
  assert.equal(await status(), 200, "a connection from before goes on")
  // As before: HTTP/2 by ALPN, and nothing older than TLS 1.2.
  const again = connectHttp2(tlsUrl, { ca: nextCa })
  t.after(() => again.destroy())
  await new Promise((resolve) => again.request({ ":path": "/healthz" }).on("response", resolve).resume())
  assert.equal(again.alpnProtocol, "h2")
  const old = connectTls({ port: Number(new URL(tlsUrl).port), host: "127.0.0.1", ca: nextCa, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" })
  await assert.rejects(new Promise((resolve, reject) => old.once("secureConnect", resolve).once("error", reject)), { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" })
})

test("millrace start reads its certificate again at SIGHUP, and says so", needsOpenssl, async (t) => {
  const dir = dirOf(t)
  const [own, next] = [identityIn(dir, "own"), identityIn(dir, "next")]
  const main = fileURLToPath(import.meta.resolve("millrace").replace(/index\.ts$/, "main.ts"))
  const words = ["start", "--data", path.join(dir, "data"), "--port", "0", "--tls-cert", own.cert, "--tls-key", own.key, "--tls-port", "0", "--json"]
  const child = spawn(process.execPath, ["--conditions=@millrace/source", main, ...words], { stdio: ["ignore", "pipe", "ignore"] })
  const ended = once(child, "exit")
  t.after(() => child.kill("SIGKILL"))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const event = async (): Promise<Record<string, string>> => JSON.parse(String((await lines.next()).value)) as Record<string, string>
  const { tlsUrl = "" } = await event()
  fs.copyFileSync(next.cert, own.cert)
  child.kill("SIGHUP")
  const refused = await event()
  assert.deepEqual([refused["event"], refused["code"]], ["certificate-refused", "MR1405"])
  fs.copyFileSync(next.key, own.key)
  child.kill("SIGHUP")
  assert.deepEqual(await event(), { event: "certificate-renewed" })
  assert.equal(await subjectAt(tlsUrl, fs.readFileSync(next.ca)), fingerprintOf(next.cert))
  child.kill("SIGTERM")
  assert.deepEqual(await ended, [0, null])
})

test("a certificate that cannot be read, is none, or has another key is refused before the node starts (MR1405)", needsOpenssl, async (t) => {
  const dir = dirOf(t)
  const [own, other] = [identityIn(dir, "own"), identityIn(dir, "other")]
  const text = path.join(dir, "text.pem")
  fs.writeFileSync(text, "not a certificate")
  const cases = [
    { cert: path.join(dir, "nowhere.pem"), key: own.key, says: /certificate cannot be read: ENOENT/ },
    { cert: own.cert, key: dir, says: /key cannot be read: EISDIR/ },
    { cert: text, key: own.key, says: /cannot be used/ },
    { cert: own.cert, key: other.key, says: /cannot be used: .*key values mismatch/ },
  ]
  for (const { cert, key, says } of cases) {
    const start = startNode({ files: [], dataDir: path.join(dir, "data"), port: 0, log: "silent", tls: { cert, key, port: 0 } })
    await assert.rejects(start, (error) => isMillraceError(error) && error.code === "MR1405" && says.test(error.message), `${cert} ${key}`)
  }
  // The port and the directory are free again.
  await (await startNode({ files: [], dataDir: path.join(dir, "data"), port: 0, log: "silent" })).close()
})
