// A front that asks its dependency anew for every answer; /safe falls back to the last known one.
const http = require("http");

function ask(done) {
  let said = false;
  const once = (...words) => said || ((said = true), done(...words));
  const request = http.get({ host: "127.0.0.1", port: 9000, agent: false }, (answer) => {
    let body = "";
    answer.on("data", (data) => (body += data));
    answer.on("end", () => (answer.statusCode === 200 ? once(null, body) : once(answer.statusCode)));
  });
  request.setTimeout(300, () => request.destroy(new Error("no answer in 300 ms")));
  request.on("error", once);
}

http.createServer((request, answer) => {
  ask((error, body) => {
    if (error && !request.url.startsWith("/safe")) answer.statusCode = 502;
    answer.end(error ? "the last known answer" : body);
  });
}).listen(8000, "127.0.0.1");
