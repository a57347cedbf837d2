/* The start: language and light, who is signed in, then the frame. */
import { render } from 'preact';
import { App } from './app';
import { start_light } from './light';
import { who_am_i } from './sign';
import { first_language, speak } from './words';
import './style/base.css';
import './style/views.css';

start_light();
void speak(first_language()).then(() => {
  render(<App />, document.getElementById('app')!);
  return who_am_i();
});
