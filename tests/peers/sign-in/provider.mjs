// A certified OpenID provider on loopback, with three people who sign in by their name and any password.
//
//     node provider.mjs '{"redirect_uri": "…", "client_secret": "…", "claims_in_id_token": false}'

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const GROUPS = { anna: ["staff", "platform"], bob: ["staff"], carl: ["visitors"] };

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [{ client_id: "mizzen portal", client_secret: given.client_secret, redirect_uris: [given.redirect_uri] }],
    claims: { profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
    // OpenID Connect Core 1.0, section 5.4: with a code, what the scopes ask for comes from the UserInfo endpoint alone.
    conformIdTokenClaims: !given.claims_in_id_token,
    cookies: { keys: ["of this test"] },
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "of-this-test", use: "sig" }] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: id, email: `${id}@example.com`, email_verified: true, groups: GROUPS[id] ?? [] }),
    }),
  });
  server.on("request", provider.callback());
  console.log(`ready ${issuer}`);
});
