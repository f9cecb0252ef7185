// The dependency: answers everything at once. Usage: back.js PORT
require("http").createServer((_, answer) => answer.end("ok")).listen(+process.argv[2], "127.0.0.1");
