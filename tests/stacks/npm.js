// What npm does for `start` and `ci`, where Node came without it (Debian's does): the script of package.json is run by a
// shell that it waits for; the packages of package-lock.json are fetched, and a failure is told in npm's own lines.
const { spawn } = require("child_process");
const path = require("path");

const here = (name) => require(path.join(process.cwd(), name));

function start() {
  const shell = spawn("sh", ["-c", here("package.json").scripts.start], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => shell.kill(signal));
  shell.on("exit", (code) => process.exit(code === null ? 1 : code));
}

function ci() {
  const all = Object.values(here("package-lock.json").packages).filter((one) => one.resolved);
  for (const { resolved } of all) {
    require("https").get(resolved).on("error", (error) => {
      const told = [
        `code ${error.code}`,
        `syscall ${error.syscall}`,
        `errno ${error.code}`,
        `network request to ${resolved} failed, reason: ${error.message}`,
        "network This is a problem related to network connectivity.",
        "network In most cases you are behind a proxy or have bad network settings.",
        "A complete log of this run can be found in: /root/.npm/_logs/2026-01-01T00_00_00_000Z-debug-0.log",
      ];
      for (const line of told) console.error(`npm error ${line}`);
      process.exit(1);
    });
  }
}

({ start, ci })[process.argv[2]]();
