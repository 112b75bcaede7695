// SPDX-License-Identifier: Apache-2.0
// What nftables does with the first packet of a connection to a port, from `nft -j list ruleset`. What a rule asks of the
// packet may be true, false, or unknown because it depends on the sender; only what is certain is told as certain.
//   verdict of a chain   first rule that certainly matches and ends, else its policy
//   unknown match        an accept there means "some may", a drop "some may not"

export interface Blocker {
  /** As `nft` names the place: family, table, chain. */
  readonly chain: string;
  /** The rule's handle, or null for the policy of the chain. */
  readonly handle: number | null;
  /** How many packets met it, where it counts. */
  readonly packets: number | null;
  /** Everybody, or some senders. */
  readonly whom: 'all' | 'some';
}

type Match = boolean | 'unknown';
type Json = Record<string, unknown>;
interface Chain extends Json { readonly family: string; readonly table: string; readonly name: string; readonly hook?: string; readonly policy?: string; readonly prio?: number }
interface Rule extends Json { readonly family: string; readonly table: string; readonly chain: string; readonly handle: number; readonly expr: readonly Json[] }
export interface Packet { readonly transport: 'tcp' | 'udp'; readonly port: number }
interface Walk { readonly rules: readonly Rule[]; readonly packet: Packet; readonly depth: number }
interface Outcome { readonly verdict: 'accept' | 'drop' | 'next'; readonly by: Blocker | null; readonly spared: boolean; readonly some: readonly Blocker[] }

const HOOKS = ['prerouting', 'input', 'ingress'];
const DEPTH_MAX = 16;

/** Everything that keeps the packet from us; empty when it comes through. Throws `SyntaxError` for what is no JSON. */
export function blockersOf(ruleset: string, packet: Packet): Blocker[] {
  const items = (JSON.parse(ruleset) as { readonly nftables?: readonly Json[] }).nftables ?? [];
  const chains = items.flatMap((item) => (item['chain'] === undefined ? [] : [item['chain'] as Chain]));
  const rules = items.flatMap((item) => (item['rule'] === undefined ? [] : [item['rule'] as Rule]));
  const bases = chains.filter(({ hook, type }) => hook !== undefined && HOOKS.includes(hook) && type !== 'nat').toSorted((a, b) => Number(a.prio) - Number(b.prio));
  return bases.flatMap((chain) => {
    const { verdict, by, spared, some } = walk(chain, { rules, packet, depth: 0 });
    const dropped = verdict === 'drop' ? by : verdict === 'next' && chain.policy === 'drop' ? { chain: nameOf(chain), handle: null, packets: null, whom: 'all' as const } : null;
    // Who lets some senders in by name, and nobody else, has meant it so.
    return [...some, ...(dropped === null || spared ? [] : [dropped])];
  });
}

function walk(chain: { readonly family: string; readonly table: string; readonly name: string }, { rules, packet, depth }: Walk): Outcome {
  let spared = false;
  const some: Blocker[] = [];
  for (const rule of rules.filter(({ family, table, chain: name }) => family === chain.family && table === chain.table && name === chain.name)) {
    const matched = matches(rule.expr, packet);
    if (matched === false) continue;
    const target = targetOf(rule.expr);
    if (target === null) continue;
    const blocker: Blocker = { chain: nameOf(chain), handle: rule.handle, packets: packetsOf(rule.expr), whom: matched === true ? 'all' : 'some' };
    const inner: Outcome = target.kind === 'chain'
      ? depth < DEPTH_MAX ? walk({ ...chain, name: target.name }, { rules, packet, depth: depth + 1 }) : { verdict: 'next', by: null, spared: true, some: [] }
      : { verdict: target.kind === 'return' ? 'next' : target.kind, by: target.kind === 'drop' ? blocker : null, spared: false, some: [] };
    spared ||= inner.spared || (matched === 'unknown' && inner.verdict === 'accept');
    if (matched === 'unknown') {
      if (inner.verdict === 'drop' && target.kind === 'drop' && namesPort(rule.expr, packet)) some.push(blocker);
      continue;
    }
    some.push(...inner.some);
    if (target.kind === 'return') return { verdict: 'next', by: null, spared, some };
    if (inner.verdict !== 'next') return { verdict: inner.verdict, by: inner.by, spared, some };
    if (target.kind === 'chain' && target.leaves) return { verdict: 'next', by: null, spared, some };
  }
  return { verdict: 'next', by: null, spared, some };
}

type Target = { readonly kind: 'accept' | 'drop' | 'return' } | { readonly kind: 'chain'; readonly name: string; readonly leaves: boolean };

function targetOf(expr: readonly Json[]): Target | null {
  for (const one of expr) {
    if ('accept' in one) return { kind: 'accept' };
    if ('drop' in one || 'reject' in one) return { kind: 'drop' };
    if ('return' in one) return { kind: 'return' };
    for (const way of ['jump', 'goto'] as const) if (way in one) return { kind: 'chain', name: (one[way] as { readonly target: string }).target, leaves: way === 'goto' };
  }
  return null;
}

const SILENT = ['counter', 'log', 'comment', 'accept', 'drop', 'reject', 'return', 'jump', 'goto', 'queue'];

/** True when every part is; false as soon as one is; unknown otherwise. */
function matches(expr: readonly Json[], packet: Packet): Match {
  const parts = expr.filter((one) => !SILENT.some((name) => name in one)).map((one): Match => ('match' in one ? matchOf(one['match'] as MatchFacts, packet) : 'unknown'));
  return parts.includes(false) ? false : parts.includes('unknown') ? 'unknown' : true;
}

interface MatchFacts { readonly op: string; readonly left: Json; readonly right: unknown }

function matchOf({ op, left, right }: MatchFacts, { transport, port }: Packet): Match {
  const { payload, meta, ct } = left as { readonly payload?: { readonly protocol?: string; readonly field?: string }; readonly meta?: { readonly key: string }; readonly ct?: { readonly key: string } };
  const answer = (held: Match): Match => (held === 'unknown' || op !== '!=' ? held : !held);
  if (payload?.protocol === 'tcp' || payload?.protocol === 'udp' || payload?.protocol === 'th') {
    if (payload.protocol !== 'th' && payload.protocol !== transport) return false;
    return payload.field === 'dport' ? answer(holds(right, port)) : 'unknown';
  }
  if (payload !== undefined && ['icmp', 'icmpv6', 'sctp', 'dccp', 'arp', 'ah', 'esp'].includes(payload.protocol ?? '')) return false;
  if (payload?.field === 'protocol' || payload?.field === 'nexthdr' || meta?.key === 'l4proto') return answer(holds(right, transport));
  if (meta?.key === 'iifname' || meta?.key === 'iif') return right === 'lo' ? op === '!=' : 'unknown';
  if (ct?.key === 'state') return answer(holds(right, 'new'));
  return 'unknown';
}

/** Whether a value, a range, or a set of them holds ours; a named set is not looked into. */
function holds(right: unknown, ours: number | string): Match {
  if (Array.isArray(right)) return anyOf(right.map((one) => holds(one, ours)));
  if (typeof right === 'number' || typeof right === 'string') return typeof right === 'string' && right.startsWith('@') ? 'unknown' : right === ours;
  const { set, range } = (right ?? {}) as { readonly set?: readonly unknown[]; readonly range?: readonly [number, number] };
  if (set !== undefined) return anyOf(set.map((one) => holds(one, ours)));
  return range === undefined || typeof ours === 'string' ? 'unknown' : range[0] <= ours && ours <= range[1];
}

function anyOf(all: readonly Match[]): Match {
  return all.includes(true) ? true : all.includes('unknown') ? 'unknown' : false;
}

/** A rule for some senders is told only where it is about this port. */
function namesPort(expr: readonly Json[], packet: Packet): boolean {
  return expr.some((one) => {
    const { left, right } = (one['match'] ?? {}) as Partial<MatchFacts>;
    return (left?.['payload'] as { readonly field?: string } | undefined)?.field === 'dport' && holds(right, packet.port) === true;
  });
}

function packetsOf(expr: readonly Json[]): number | null {
  const counter = expr.find((one) => typeof one['counter'] === 'object' && one['counter'] !== null)?.['counter'] as { readonly packets?: number } | undefined;
  return counter?.packets ?? null;
}

function nameOf({ family, table, name }: { readonly family: string; readonly table: string; readonly name: string }): string {
  return `${family} ${table} ${name}`;
}
