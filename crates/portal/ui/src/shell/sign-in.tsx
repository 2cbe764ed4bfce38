import { useState } from 'preact/hooks';
import { ApiError, send, signedOut } from '../api/client';
import { forgetAll } from '../api/cache';
import { connect, disconnect } from '../api/live';
import { Command } from '../ui/copy';
import { Icon, Mark } from '../ui/icon';

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
        <p>
          Open the one-time link that <code>mizzen up</code> printed, or paste the token from the file{' '}
          <code>admin-token</code> in the data folder.
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
          <Command text="cat DATA_DIR/admin-token" />
        </details>
      </form>
    </main>
  );
}
