// An OpenID provider for sign_in.py: `oidc-provider` of npm, on loopback.  Prints its address.
//   node sign_in.mjs DIR MAIL SECRET     DIR: where it is installed
import http from "node:http";
import { pathToFileURL } from "node:url";

const [home, mail, secret] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(home + "/node_modules/oidc-provider/lib/index.js"));
const native = { application_type: "native", redirect_uris: ["http://localhost/auth/callback"] };
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const address = "http://127.0.0.1:" + server.address().port;
  const provider = new Provider(address, {
    clients: [
      { client_id: "sigstore", token_endpoint_auth_method: "none", ...native },
      { client_id: "our client", client_secret: secret, ...native },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false, // the address is in the identity token, where Fulcio looks for it
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: mail, email_verified: true }) }),
    pkce: { required: () => true, methods: ["S256"] },
  });
  server.on("request", provider.callback());
  console.log(address);
});
