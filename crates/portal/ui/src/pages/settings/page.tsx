import { query, setQuery } from '../../location';
import { ForRole } from '../../ui/role';
import { PageHead } from '../../ui/page-head';
import { Tabs } from '../../ui/tabs';
import { Connect } from './connect';
import { Keys } from './keys';
import { Providers } from './providers';
import { Tokens } from './tokens';

const TABS = [
  { id: 'keys', label: 'Agent keys' },
  { id: 'tokens', label: 'API tokens' },
  { id: 'providers', label: 'Providers' },
  { id: 'connect', label: 'Connect' },
];

export default function SettingsPage() {
  const tab = TABS.find((known) => known.id === query.value.get('tab'))?.id ?? 'keys';
  return (
    <>
      <PageHead title="Settings" />
      <Tabs
        tabs={TABS}
        chosen={tab}
        choose={(next) => setQuery({ tab: next === 'keys' ? null : next }, true)}
        label="Settings"
        panel="settings-panel"
      />
      <div class="settings" id="settings-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'keys' && (
          <ForRole least="developer" what="Seeing and making agent keys">
            <Keys />
          </ForRole>
        )}
        {tab === 'tokens' && (
          <ForRole least="administrator" what="Seeing and making API tokens">
            <Tokens />
          </ForRole>
        )}
        {tab === 'providers' && (
          <ForRole least="developer" what="Seeing the keys of providers">
            <Providers />
          </ForRole>
        )}
        {tab === 'connect' && <Connect />}
      </div>
    </>
  );
}
