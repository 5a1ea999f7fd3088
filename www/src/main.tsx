import './styles/index.css';
import { render } from 'preact';
import { openConversation } from './chat.ts';
import { App } from './components/app.tsx';
import { keepForOffline } from './offline.ts';
import { start } from './session.ts';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no element #app');
render(<App />, root);
void openConversation();
void start();
void keepForOffline();
