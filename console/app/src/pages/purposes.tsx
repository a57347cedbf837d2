/* The policy made visible: which purpose takes what from where to whom; each purpose; the text itself, and its editor. */
import { useMemo } from 'preact/hooks';
import { sankey, sankeyLinkHorizontal } from 'd3-sankey';
import { time } from '../format';
import { BASES, category_title, destination_title, policy, purpose_named, source_title, type Policy } from '../policy';
import { href, route, set } from '../route';
import { Card, Empty, Page, PurposeChip, Tabs, Tag } from '../ui/parts';
import { of, t } from '../words';
import { Editor, Versions } from './policy_editor';
import { OnePurpose } from './purpose';

function Matrix({ p }: { p: Policy }) {
  const used = p.categories.filter((c) => p.purposes.some((one) => one.categories.includes(c.name)));
  const by_basis = [...p.purposes].sort((a, b) => BASES.indexOf(a.basis) - BASES.indexOf(b.basis));
  return (
    <Card flush title={t('Purposes and what they touch')} note={t('a dot: the purpose covers this category, takes from this source, goes to this destination')}>
      <div class="scroll matrix-box" tabIndex={0} role="group" aria-label={t('Matrix of purposes')}>
        <table class="matrix">
          <thead>
            <tr><td /><th colSpan={used.length} scope="colgroup">{t('Data')}</th><th colSpan={p.sources.length} scope="colgroup">{t('Sources')}</th><th colSpan={p.destinations.length} scope="colgroup">{t('Destinations')}</th></tr>
            <tr><th scope="col">{t('Purpose')}</th>
              {used.map((c) => <th scope="col" class="tilt" key={c.name}><span>{of(c.title, c.name)}{c.special && ` · ${t('special')}`}</span></th>)}
              {p.sources.map((s) => <th scope="col" class="tilt" key={s.name}><span>{source_title(s.name)}</span></th>)}
              {p.destinations.map((d) => <th scope="col" class="tilt" key={d.name}><span>{destination_title(d.name)}</span></th>)}
            </tr>
          </thead>
          <tbody>
            {by_basis.map((purpose) => {
              const cell = (on: boolean, key: string, what: string, group: string) => <td key={key} class={group}>{on && <i class="on" data-basis={purpose.basis}><span class="hidden-text">{what}</span></i>}</td>;
              return (
                <tr key={purpose.name}>
                  <th scope="row"><PurposeChip name={purpose.name} /></th>
                  {used.map((c) => cell(purpose.categories.includes(c.name), c.name, of(c.title, c.name), c.special ? 'special' : ''))}
                  {p.sources.map((s) => cell(s.purposes.includes(purpose.name), `s${s.name}`, source_title(s.name), 'other'))}
                  {p.destinations.map((d) => cell(d.purpose === purpose.name, `d${d.name}`, destination_title(d.name), 'last'))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="pad row">{BASES.map((basis) => <span class="legend" data-basis={basis} key={basis}><i />{t(`basis ${basis}`)}</span>)}</p>
    </Card>
  );
}

interface Node { id: string; title: string; kind: 'source' | 'purpose' | 'destination'; basis?: string; to: string }
interface Link { source: string; target: string; value: number; basis?: string; what: string }

function Flows({ p }: { p: Policy }) {
  const { only } = route.value.query;
  const graph = useMemo(() => {
    const purposes = p.purposes.filter((one) => !only || one.name === only);
    const nodes: Node[] = [
      ...p.sources.map((s): Node => ({ id: `s ${s.name}`, title: source_title(s.name), kind: 'source', to: href('/live', { source: s.name }) })),
      ...purposes.map((one): Node => ({ id: `p ${one.name}`, title: one.name, kind: 'purpose', basis: one.basis, to: href('/purposes', { name: one.name }) })),
      ...p.destinations.map((d): Node => ({ id: `d ${d.name}`, title: destination_title(d.name), kind: 'destination', to: href('/destinations', { name: d.name }) })),
    ];
    const links: Link[] = [];
    for (const purpose of purposes) {
      const from = p.sources.filter((s) => s.purposes.includes(purpose.name));
      for (const s of from) links.push({ source: `s ${s.name}`, target: `p ${purpose.name}`, value: purpose.categories.length / from.length, basis: purpose.basis, what: `${source_title(s.name)} → ${purpose.name}` });
      for (const d of p.destinations.filter((one) => one.purpose === purpose.name))
        links.push({ source: `p ${purpose.name}`, target: `d ${d.name}`, value: d.categories.length, basis: purpose.basis, what: `${purpose.name} → ${destination_title(d.name)}: ${d.categories.map(category_title).join(', ')}` });
    }
    const linked = new Set(links.flatMap((link) => [link.source, link.target]));
    const kept = nodes.filter((node) => linked.has(node.id));
    if (!kept.length) return null;
    return sankey<Node, Link>().nodeId((n) => n.id).nodeAlign((n) => ['source', 'purpose', 'destination'].indexOf(n.kind)).nodeWidth(12).nodePadding(14).extent([[170, 10], [830, Math.max(260, kept.length * 26)]])({ nodes: kept.map((n) => ({ ...n })), links: links.map((l) => ({ ...l })) });
  }, [p, only]);
  if (!graph) return <Card><Empty title={t('No flow is declared')} /></Card>;
  const height = Math.max(...graph.nodes.map((n) => n.y1 ?? 0)) + 14;
  const path = sankeyLinkHorizontal<Node, Link>();
  return (
    <Card title={t('Declared flows')} note={t('from where, for what, to whom; as wide as the kinds of data')} end={
      <label class="field inline">{t('Only')} <select value={only ?? ''} onChange={(e) => set({ only: e.currentTarget.value }, true)}><option value="">{t('all')}</option>{p.purposes.map((one) => <option key={one.name}>{one.name}</option>)}</select></label>}>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('Declared flows')}>
        <svg class="sankey" viewBox={`0 0 1000 ${height}`} role="group" aria-label={t('Declared flows')}>
          {graph.links.map((link, i) => <path key={i} d={path(link) ?? ''} data-basis={link.basis} stroke-width={Math.max(1.5, link.width ?? 1)}><title>{link.what}</title></path>)}
          {graph.nodes.map((node) => {
            const middle = ((node.y0 ?? 0) + (node.y1 ?? 0)) / 2;
            const left = node.kind === 'source';
            return (
              <a key={node.id} href={node.to} data-basis={node.basis}>
                <rect x={node.x0} y={node.y0} width={(node.x1 ?? 0) - (node.x0 ?? 0)} height={Math.max(3, (node.y1 ?? 0) - (node.y0 ?? 0))} rx={3} />
                <text x={left ? (node.x0 ?? 0) - 8 : (node.x1 ?? 0) + 8} y={middle + 4} text-anchor={left ? 'end' : 'start'}>{node.title}</text>
              </a>
            );
          })}
        </svg>
      </div>
    </Card>
  );
}

export default function Purposes() {
  const { name, tab = 'matrix' } = route.value.query;
  const p = policy.value;
  if (!p && tab !== 'policy') return <Page title={t('Purposes')}><Card><Empty title={t('No policy is active yet')}><p><a class="button first" href={href('/purposes', { tab: 'policy' })}>{t('Write one')}</a></p></Empty></Card></Page>;
  if (name && p) return purpose_named(name) ? <OnePurpose purpose={purpose_named(name)!} p={p} /> : <Page title={name}><Card><Empty title={t('No active purpose has this name')} /></Card></Page>;
  return (
    <Page title={t('Purposes')} lead={p && <>{t('Policy version {n} of {name}, in force since {at}.', { n: p.version, name: p.controller.name ?? '', at: time(p.activated_at) })} <Tag>{t('{n} purposes', { n: p.purposes.length })}</Tag></>}>
      <Tabs label={t('Views of the policy')} at={tab} link={(id) => href('/purposes', { tab: id === 'matrix' ? null : id })} tabs={[
        { id: 'matrix', title: t('Matrix') }, { id: 'flows', title: t('Flows') }, { id: 'policy', title: t('Policy') }, { id: 'versions', title: t('Versions') },
      ]} />
      {tab === 'matrix' && p && <Matrix p={p} />}
      {tab === 'flows' && p && <Flows p={p} />}
      {tab === 'policy' && <Editor />}
      {tab === 'versions' && <Versions />}
    </Page>
  );
}
