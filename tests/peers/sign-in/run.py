"""Signing in to the portal with a real OpenID provider, `oidc-provider` from npm, as a browser would.

    MIZZEN_BIN=target/debug/mizzen python3 tests/peers/sign-in/run.py
"""

import contextlib
import http.cookiejar
import json
import os
import pathlib
import re
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "clients"))

import environment  # noqa: E402
from servers import Server, free_port  # noqa: E402

ASK_SECONDS = 20
REDIRECTS_MAX = 10
# Whoever does not encode it before it becomes a basic credential (RFC 6749, section 2.3.1) sends another one.
SECRET = "s:e c%r+t"
CONFIG = """
[oidc]
issuer = "{issuer}"
client_id = "mizzen portal"
client_secret = "file:{secret}"
scopes = ["profile", "email", "groups"]

[oidc.roles]
administrator = ["platform"]
viewer = ["staff"]
"""


class Pair:
    """A provider, and a Mizzen that believes it."""

    def __init__(self, folder: pathlib.Path, claims_in_id_token: bool):
        listen = f"127.0.0.1:{free_port()}"
        self.callback = f"http://{listen}/oidc/callback"
        modules = environment.node_modules(HERE / "package.json", os.environ.get("MIZZEN_PEERS_SIGN_IN_MODULES"))
        # A module is looked for beside who asks for it, and the clone stays without `node_modules`.
        script = modules.parent / "provider.mjs"
        script.write_text((HERE / "provider.mjs").read_text())
        given = {"redirect_uri": self.callback, "client_secret": SECRET, "claims_in_id_token": claims_in_id_token}
        self.provider = Server([str(modules / ".bin/node"), str(script), json.dumps(given)], folder / "provider.log")
        try:
            (folder / "secret").write_text(SECRET)
            (folder / "mizzen.toml").write_text(CONFIG.format(issuer=self.provider.url, secret=folder / "secret"))
            free = "127.0.0.1:0"
            command = [os.environ["MIZZEN_BIN"], "up", "--config", str(folder / "mizzen.toml"), "--data-dir", str(folder / "data"),
                       "--listen", listen, "--otlp-grpc-listen", free, "--otlp-http-listen", free]
            self.mizzen = Server(command, folder / "mizzen.log")
        except BaseException:
            self.provider.stop()
            raise
        self.url = self.mizzen.url
        self.token = (folder / "data" / "admin-token").read_text().strip()

    def stop(self) -> None:
        self.mizzen.stop()
        self.provider.stop()

    def logs(self) -> str:
        return "\n".join(f"--- {server.log.name}\n{server.log.read_text()[-3000:]}" for server in (self.mizzen, self.provider))


@contextlib.contextmanager
def pair(claims_in_id_token: bool):
    with tempfile.TemporaryDirectory(prefix="mizzen-sign-in-") as folder:
        servers = Pair(pathlib.Path(folder), claims_in_id_token)
        try:
            yield servers
        except Exception:
            print(servers.logs(), file=sys.stderr)
            raise
        finally:
            servers.stop()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """Keeps cookies, and goes where it is sent one step at a time."""

    def __init__(self, servers: Pair):
        self.servers = servers
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, url: str, form: dict | None = None) -> tuple[int, str, str]:
        """The status, where it sends the browser, and the page."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            answer = self.opener.open(url, data, timeout=ASK_SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            page = answer.read().decode()
            return answer.status, urllib.parse.urljoin(url, answer.headers.get("location") or ""), page

    def start(self) -> str:
        """The address at the provider."""
        status, location, _ = self.open(f"{self.servers.url}/oidc/start?return_to=/runs?x=1")
        assert status == 303 and location.startswith(self.servers.provider.url), (status, location)
        return location

    def log_in(self, location: str, login: str, aborts: bool = False) -> str:
        """Fills in the provider's pages until it sends the browser back; that address."""
        for _ in range(REDIRECTS_MAX):
            if location.startswith(self.servers.callback):
                return location
            status, sent_to, page = self.open(location)
            if status in (302, 303):
                location = sent_to
                continue
            assert status == 200, (status, page[:500])
            if aborts:
                location = urllib.parse.urljoin(location, re.search(r'href="([^"]+/abort)"', page).group(1))
                continue
            action = urllib.parse.urljoin(location, re.search(r'<form[^>]* action="([^"]+)"', page).group(1))
            prompt = re.search(r'name="prompt" value="(\w+)"', page).group(1)
            status, location, page = self.open(action, {"prompt": prompt, "login": login, "password": "any"})
            assert status in (302, 303), (status, page[:500])
        raise AssertionError(f"still not back: {location}")

    def come_back(self, location: str) -> str:
        """Where Mizzen sends a browser that comes from the provider, without its own address."""
        status, sent_to, page = self.open(location)
        assert status == 303, (status, page[:500])
        assert sent_to.startswith(self.servers.url), sent_to
        return sent_to.removeprefix(self.servers.url)

    def session(self) -> dict | None:
        status, _, page = self.open(f"{self.servers.url}/api/v1/session")
        return json.loads(page) if status == 200 else None


def changed(url: str, **values: str) -> str:
    """The address with other values in its query."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    assert set(values) <= set(query), (values, query)
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query | values)))


def query_of(url: str) -> dict:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def signs_in(servers: Pair, login: str, role: str) -> None:
    browser = Browser(servers)
    back = browser.log_in(browser.start(), login)
    assert browser.come_back(back) == "/runs?x=1"
    assert browser.session() == {"role": role, "name": f"{login}@example.com"}, browser.session()
    # The code and the state that are now in the browser's history open nothing.
    assert browser.come_back(back) == "/?sign_in_error=oidc_state"


def is_refused(servers: Pair, code: str, at_provider=lambda url: url, coming_back=lambda url: url, login="anna", aborts=False) -> None:
    browser = Browser(servers)
    back = browser.log_in(at_provider(browser.start()), login, aborts)
    sent_to = browser.come_back(coming_back(back))
    assert sent_to == f"/?sign_in_error={code}", (sent_to, code)
    assert browser.session() is None, browser.session()


def code_of_another(servers: Pair) -> None:
    """A code that was stolen from one browser is of no use in another, which made another verifier."""
    victim = Browser(servers)
    stolen = query_of(victim.log_in(victim.start(), "anna"))["code"]
    is_refused(servers, "oidc_token", coming_back=lambda url: changed(url, code=stolen), login="bob")


def state_of_another(servers: Pair) -> None:
    """Nobody can be signed in as somebody else by a link."""
    attacker = Browser(servers)
    link = attacker.log_in(attacker.start(), "bob")
    is_refused(servers, "oidc_state", coming_back=lambda _: link)


def is_in_the_audit_log(servers: Pair) -> None:
    request = urllib.request.Request(f"{servers.url}/api/v1/audit/entries?limit=200", headers={"authorization": f"Bearer {servers.token}"})
    with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
        text = answer.read().decode()
    assert "oidc_no_role" in text and "user:default/carl@example.com" in text, text[:2000]
    assert f"oidc:{servers.provider.url}" in text and "anna@example.com" in text, text[:2000]


def main() -> int:
    failed = 0
    with pair(claims_in_id_token=False) as servers:
        cases = {
            "the highest of several groups gives the role": lambda: signs_in(servers, "anna", "administrator"),
            "another person gets another role": lambda: signs_in(servers, "bob", "viewer"),
            "nobody without a role gets in": lambda: is_refused(servers, "oidc_no_role", login="carl"),
            "a state that was never given": lambda: is_refused(servers, "oidc_state", coming_back=lambda url: changed(url, state="mzo_" + "x" * 43)),
            "a state of another browser": lambda: state_of_another(servers),
            "a nonce of another sign-in": lambda: is_refused(servers, "oidc_token", at_provider=lambda url: changed(url, nonce="another")),
            "a challenge of another verifier": lambda: is_refused(servers, "oidc_token", at_provider=lambda url: changed(url, code_challenge="x" * 43)),
            "a code of another browser": lambda: code_of_another(servers),
            "an answer of another issuer": lambda: is_refused(servers, "oidc_refused", coming_back=lambda url: changed(url, iss="https://other.example")),
            "a person who changes their mind": lambda: is_refused(servers, "oidc_refused", aborts=True),
            "who came and who was refused is in the audit log": lambda: is_in_the_audit_log(servers),
        }
        for name, case in cases.items():
            try:
                case()
                print(f"ok {name}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED {name}: {error!r}", flush=True)
        if failed:
            print(servers.logs(), file=sys.stderr)
    with pair(claims_in_id_token=True) as servers:
        signs_in(servers, "anna", "administrator")
        print("ok claims in the ID token", flush=True)
    print(f"sign-in: {failed} of {len(cases) + 1} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
