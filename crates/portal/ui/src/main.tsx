import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/controls.css';
import './styles/table.css';
import './styles/home.css';
import './styles/run.css';
import './styles/story.css';
import './styles/waterfall.css';
import './styles/panel.css';
import './styles/pages.css';
import './styles/form.css';
import './styles/eval.css';
import './styles/boundary.css';
import './styles/records.css';
import './styles/permission.css';
import { App, loadWhenIdle } from './app';
import { connect } from './api/live';
import { listenForShortcuts } from './shell/shortcuts';

const root = document.getElementById('app');
if (root) render(<App />, root);
listenForShortcuts();
// The first page's own requests come first; what may be opened next waits until it is surely shown.
const NEXT_PAGE_MS = 2_000;
requestAnimationFrame(connect);
window.setTimeout(loadWhenIdle, NEXT_PAGE_MS);
