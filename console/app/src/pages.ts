/* The pages: address, name, sign, who may, and their code, loaded when they are opened. */
import type { ComponentType } from 'preact';
import type { Right } from './session';
import type { IconName } from './ui/icons';

export interface PageEntry {
  path: string;
  title: string; // English; t() says it
  icon: IconName;
  right: Right;
  group: 'See' | 'Steer' | 'Prove';
  hint: string; // for the command palette
  load: () => Promise<{ default: ComponentType }>;
}

export const PAGES: PageEntry[] = [
  { path: '/', title: 'Home', icon: 'home', right: 'evidence', group: 'See', hint: 'flow, health, what needs a person', load: () => import('./pages/home') },
  { path: '/live', title: 'Live', icon: 'live', right: 'people', group: 'See', hint: 'messages as they arrive, with the gate’s answer', load: () => import('./pages/live') },
  { path: '/profiles', title: 'Profiles', icon: 'person', right: 'people', group: 'See', hint: 'a person, through a purpose', load: () => import('./pages/profiles') },
  { path: '/ask', title: 'Ask the gate', icon: 'ask', right: 'people', group: 'See', hint: 'may this be done, and why; now or on a past day', load: () => import('./pages/ask') },
  { path: '/purposes', title: 'Purposes', icon: 'purpose', right: 'evidence', group: 'Steer', hint: 'the policy: matrix, flows, editor', load: () => import('./pages/purposes') },
  { path: '/consent', title: 'Consent', icon: 'consent', right: 'evidence', group: 'Steer', hint: 'rates, notices, renewal', load: () => import('./pages/consent') },
  { path: '/rights', title: 'Rights', icon: 'rights', right: 'evidence', group: 'Steer', hint: 'requests, deadlines, certificates', load: () => import('./pages/rights') },
  { path: '/destinations', title: 'Destinations', icon: 'send', right: 'evidence', group: 'Steer', hint: 'health, deliveries, dead letters, recalls', load: () => import('./pages/destinations') },
  { path: '/evidence', title: 'Evidence', icon: 'evidence', right: 'evidence', group: 'Prove', hint: 'the ledger, checkpoints, verify', load: () => import('./pages/evidence') },
  { path: '/records', title: 'Records of processing', icon: 'records', right: 'evidence', group: 'Prove', hint: 'Art. 30, to print', load: () => import('./pages/records') },
  { path: '/access', title: 'Access', icon: 'access', right: 'evidence', group: 'Prove', hint: 'users, tokens, sessions, who read what', load: () => import('./pages/access') },
  { path: '/tour', title: 'Guided tour', icon: 'tour', right: 'admin', group: 'Prove', hint: 'three minutes: from a click to the proof', load: () => import('./pages/tour') },
];
