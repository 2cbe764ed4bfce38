import { useEffect, useState } from 'preact/hooks';
import { ApiError, get, send, signedOut } from '../api/client';
import { forgetAll } from '../api/cache';
import { connect, disconnect } from '../api/live';
import { forgetSession } from '../api/session';
import { forgetKept, query, setQuery } from '../location';
import { Command } from '../ui/copy';
import { Icon, Mark } from '../ui/icon';
import { Ticked } from '../ui/ticked';
import { forgetPauses } from './paused';

/** Shown in place of any page when there is no session; the address stays, so signing in leads back to it. */
export function SignIn() {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await send('POST', '/session', { token: token.trim() });
      forgetAll();
      forgetKept();
      forgetSession();
      forgetPauses();
      disconnect();
      connect();
      signedOut.value = false;
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <main class="sign-in" id="main">
      <form onSubmit={submit}>
        <Mark />
        <h1 tabIndex={-1}>Sign in to Mizzen</h1>
        <Providers />
        <p>
          Open the one-time link that <code>mizzen up</code> or <code>mizzen signin</code> printed, or paste the token
          from the file <code>admin-token</code> in the data folder.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          value={token}
          aria-invalid={problem !== ''}
          aria-describedby="sign-in-problem"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p class="problem" id="sign-in-problem" role="alert">
          {problem && (
            <>
              <Icon name="alert" /> {problem}
            </>
          )}
        </p>
        <button type="submit" class="button primary" disabled={busy}>
          Sign in
        </button>
        <details>
          <summary>Where is the token?</summary>
          <Command text="mizzen signin" />
          <Command text="cat DATA_DIR/admin-token" />
        </details>
      </form>
    </main>
  );
}

interface Provider {
  kind: 'token' | 'oidc';
  name: string;
  start_url: string | null;
}

const refusals: Record<string, string> = {
  link_spent: 'This sign-in link is used up or its time is over. `mizzen signin` prints a new one.',
  oidc_state: 'The sign-in took too long or was begun elsewhere. Begin again.',
  oidc_refused: 'The provider refused the sign-in.',
  oidc_token: 'What the provider answered could not be trusted.',
  oidc_no_role: 'The provider knows you, but no role here is given to you. Ask an administrator.',
  oidc_unavailable: 'The provider cannot be reached. Try again, or use a token.',
};

/** A button for each provider of OpenID Connect, and why the last sign-in with one failed. */
function Providers() {
  const [providers, setProviders] = useState<Provider[]>([]);
  useEffect(() => {
    get<{ items: Provider[] }>('/session/providers').then(
      ({ items }) => setProviders(items.filter(({ kind }) => kind === 'oidc')),
      // Without the list there is still the token.
      () => undefined,
    );
  }, []);
  const code = query.value.get('sign_in_error');
  const here = location.pathname + location.search;
  return (
    <>
      {code && (
        <p class="problem" role="alert">
          <Icon name="alert" />{' '}
          <span>
            <Ticked text={refusals[code] ?? `The sign-in failed (${code}).`} />
          </span>
        </p>
      )}
      {providers.map(({ name, start_url: start }) => (
        // A navigation of the browser: the server redirects to the provider.
        <a
          key={name}
          class="button primary"
          href={`${start ?? ''}?return_to=${encodeURIComponent(here)}`}
          target="_self"
          onClick={() => code && setQuery({ sign_in_error: null })}
        >
          <Icon name="user" /> {name}
        </a>
      ))}
      {providers.length > 0 && <p class="or">or</p>}
    </>
  );
}
