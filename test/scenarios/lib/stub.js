// Every outside end that a scenario talks to, on loopback: a download, an upload, a mining pool, an account that can be revoked.
const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");

const answer = (request, response) => {
  if (request.url.startsWith("/payload/")) return fs.createReadStream(`/lab/files${request.url}`).pipe(response);
  if (request.url === "/user") response.statusCode = fs.existsSync("/srv/revoked") ? 401 : 200;
  request.resume();
  request.on("end", () => response.end("{}"));
  return undefined;
};
for (const address of ["127.0.0.1", "127.0.0.3"]) http.createServer(answer).listen(8080, address);
net.createServer().listen(3333, "127.0.0.2", () => fs.writeFileSync("/srv/ready", ""));
