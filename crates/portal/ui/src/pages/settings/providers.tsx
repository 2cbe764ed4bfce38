import { useState } from 'preact/hooks';
import { send } from '../../api/client';
import { useData } from '../../api/cache';
import type { List, ProviderView } from '../../api/shapes';
import { ForRole } from '../../ui/role';
import { Icon } from '../../ui/icon';
import { Choice } from '../../ui/tabs';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { useAct } from '../../ui/act';
import { Confirm } from '../../ui/confirm';
import { Ticked } from '../../ui/ticked';

export function Providers() {
  const resource = useData<List<ProviderView>>('/providers');
  const { problem, busy, act } = useAct();
  const providers = resource.data.value?.items;
  const put = (name: string, body: { key: string } | { env: string }): void =>
    void act(async () => {
      await send('PUT', `/providers/${encodeURIComponent(name)}`, body);
      await resource.reload();
    });
  const remove = (name: string): void =>
    void act(async () => {
      await send('DELETE', `/providers/${encodeURIComponent(name)}`);
      await resource.reload();
    });
  return (
    <>
      <p class="lead">
        The gateway signs in to model providers with these. A key is stored encrypted, or stays in an environment
        variable of the server; neither is ever shown.
      </p>
      <ForRole least="administrator" what="Changing a provider's key">
        <PutForm put={put} busy={busy} />
      </ForRole>
      {problem && (
        <p class="problem" role="alert">
          <Icon name="alert" /> {problem}
        </p>
      )}
      {providers ? (
        providers.length > 0 ? (
          <Table providers={providers} remove={remove} />
        ) : (
          <Empty title="No provider keys">
            <p>Without one, the gateway can call only models that need no key.</p>
          </Empty>
        )
      ) : resource.error.value ? (
        <Failure error={resource.error.value} retry={() => void resource.reload()} />
      ) : (
        <Waiting rows={3} />
      )}
    </>
  );
}

function PutForm({
  put,
  busy,
}: {
  put: (name: string, body: { key: string } | { env: string }) => void;
  busy: boolean;
}) {
  const [kind, setKind] = useState<'key' | 'env'>('key');
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values = new FormData(form);
    const value = String(values.get('value')).trim();
    put(String(values.get('name')).trim(), kind === 'key' ? { key: value } : { env: value });
    form.reset();
  };
  return (
    <form class="line-form" onSubmit={submit}>
      <label>
        Provider <input name="name" required list="known-providers" placeholder="openai" />
      </label>
      <datalist id="known-providers">
        <option value="openai" />
        <option value="anthropic" />
      </datalist>
      <Choice
        label="Where the key is"
        choices={[
          ['key', 'Key'],
          ['env', 'Environment'],
        ]}
        chosen={kind}
        choose={setKind}
      />
      <label>
        {kind === 'key' ? 'Key' : 'Variable'}
        {kind === 'key' ? (
          <input name="value" required type="password" autocomplete="off" placeholder="stored encrypted" />
        ) : (
          <input name="value" required autocomplete="off" placeholder="OPENAI_API_KEY" />
        )}
      </label>
      <button type="submit" class="button primary" disabled={busy}>
        Save
      </button>
    </form>
  );
}

function Table({ providers, remove }: { providers: ProviderView[]; remove: (name: string) => void }) {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Provider</th>
          <th scope="col">Key from</th>
          <th scope="col" class="num">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {providers.map((provider) => (
          <tr key={provider.name}>
            <th scope="row">{provider.name}</th>
            <td>
              {provider.origin}
              {provider.fault && (
                <span class="bad-text">
                  {' '}
                  · <Ticked text={provider.fault} />
                </span>
              )}
            </td>
            <td class="num">
              <Confirm
                least="administrator"
                word="Remove"
                question={`Remove the key of ${provider.name}?`}
                act={() => remove(provider.name)}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
