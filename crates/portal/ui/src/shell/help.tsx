import { Icon } from '../ui/icon';
import { Dialog } from './dialog';
import { helpOpen } from './overlays';
import { JUMPS } from './shortcuts';

const GROUPS: [string, [string[], string][]][] = [
  [
    'Everywhere',
    [
      [navigator.platform.startsWith('Mac') ? ['⌘', 'K'] : ['Ctrl', 'K'], 'Search and commands'],
      [['/'], 'Filter the list'],
      [['t'], 'Light, dark or system'],
      [['?'], 'This help'],
      [['Esc'], 'Close'],
    ],
  ],
  ['Go to', JUMPS.map(([letter, , name]) => [['g', letter], name])],
  [
    'Lists',
    [
      [['j'], 'Next row'],
      [['k'], 'Previous row'],
      [['Enter'], 'Open'],
    ],
  ],
  [
    'A run',
    [
      [['1'], 'Story'],
      [['2'], 'Waterfall'],
      [['3'], 'Graph'],
      [['j'], 'Next step'],
      [['k'], 'Previous step'],
      [['←', '→'], 'Collapse and expand'],
      [['e'], 'Next error'],
    ],
  ],
  [
    'Labelling',
    [
      [['1'], 'Good (or y)'],
      [['0'], 'Bad (or n)'],
      [['5'], 'Partly'],
      [['s'], 'Skip'],
      [['u'], 'Undo'],
    ],
  ],
  ['Experiments', [[['x'], 'Choose for comparison']]],
  [
    'Approvals',
    [
      [['a'], 'Approve, with a reason'],
      [['d'], 'Deny, with a reason'],
      [['Enter'], 'Send the answer'],
      [['Esc'], 'Leave it open'],
    ],
  ],
  [
    'Reviews',
    [
      [['a'], 'Approve, with a reason'],
      [['r'], 'Reject, with a reason'],
      [['Esc'], 'Leave it open'],
    ],
  ],
  [
    'A boundary',
    [
      [[navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl', 'S'], 'Save'],
      [['F8'], 'Next problem'],
    ],
  ],
];

export function Help() {
  if (!helpOpen.value) return null;
  const close = (): void => {
    helpOpen.value = false;
  };
  return (
    <Dialog label="Keyboard shortcuts" close={close} class="help">
      <div class="help-head">
        <h2>Keyboard</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={close}>
          <Icon name="cross" />
        </button>
      </div>
      <div class="help-groups">
        {GROUPS.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([caps, meaning]) => (
                <div key={meaning}>
                  <dt>
                    {caps.map((cap) => (
                      <kbd key={cap}>{cap}</kbd>
                    ))}
                  </dt>
                  <dd>{meaning}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
