// `server 0` says its port and answers in the ways of HTTP/2; `client PORT` asks for all of them at once and prints what came, as JSON.
const http2 = require("http2");
const crypto = require("crypto");
const fs = require("fs");
const [role, port, ...files] = process.argv.slice(2); // in TLS: of the server certificate and key, of the client its authority
const [first, second] = files.map((name) => fs.readFileSync(name));
const BIG = crypto.createHash("sha256").update("x").digest().toString("hex").repeat(8_000); // 512 KB, several windows
const sha = (text) => crypto.createHash("sha256").update(text).digest("hex");

function serve() {
  const server = first ? http2.createSecureServer({ cert: first, key: second }) : http2.createServer();
  server.on("stream", (stream, headers) => {
    const path = headers[":path"];
    stream.on("error", () => {});
    if (path === "/grpc") {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end("answer");
    } else if (path === "/echo") {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    } else if (path === "/reset") {
      stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    } else if (path === "/none") {
      stream.respond({ ":status": 204 }, { endStream: true });
    } else if (path === "/hints") {
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      stream.respond({ ":status": 200 });
      stream.end("hints");
    } else if (path === "/goaway") {
      stream.session.goaway(0, stream.id);
      stream.respond({ ":status": 200 });
      setTimeout(() => stream.end("last"), 100);
    } else {
      const body = path === "/big" ? BIG : "small";
      stream.respond({ ":status": 200, "content-length": body.length, "X-Asked": headers["x-asked"] || "no" });
      stream.end(body);
    }
  });
  server.listen(port, "127.0.0.1", () => console.log(server.address().port));
}

function ask(session, path, body) {
  return new Promise((resolve) => {
    const began = Date.now();
    const seen = { path };
    let text = "";
    const stream = session.request({ ":path": path, ":method": body ? "POST" : "GET", "x-asked": "yes" });
    stream.setEncoding("utf8");
    stream.on("headers", (headers) => (seen.early = headers[":status"]));
    stream.on("response", (headers) => {
      seen.status = headers[":status"];
      if (headers["grpc-status"]) seen.only = headers["grpc-status"];
      if (headers["x-asked"]) seen.asked = headers["x-asked"];
    });
    stream.on("trailers", (headers) => (seen.grpc = headers["grpc-status"]));
    stream.on("data", (more) => (text += more));
    stream.on("error", (error) => (seen.error = error.code));
    stream.on("close", () => {
      seen.reset = stream.rstCode;
      seen.body = text.length > 100 ? sha(text) : text;
      seen.ms = Date.now() - began;
      resolve(seen);
    });
    stream.end(body);
  });
}

async function client() {
  const session = first
    ? http2.connect(`https://localhost:${port}`, { ca: first })
    : http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const wanted = ["/", "/big", "/grpc", "/reset", "/none", "/hints", "/big"].map((path) => ask(session, path));
  wanted.push(ask(session, "/echo", BIG), ask(session, "/echo", "hello"));
  for (let number = 0; number < 40; number++) wanted.push(ask(session, `/many/${number}`));
  const all = await Promise.all(wanted);
  all.push(await ask(session, "/goaway"));
  session.close();
  console.log(JSON.stringify({ all, big: sha(BIG) }));
  process.exit(0);
}

({ server: serve, client })[role]();
