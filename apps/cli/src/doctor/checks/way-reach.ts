// SPDX-License-Identifier: Apache-2.0
// From a producer's side: is there anybody, and do they speak TLS?
import { check, type Say } from '../check.ts';
import { word } from '../shell.ts';
import type { Way } from '../way.ts';

const NOTHING = 'nothing is sent; what the sender keeps meanwhile is bounded';

const CODES = {
  'way.name-unknown': { severity: 'bad', seen: 'the name does not resolve', why: NOTHING },
  'way.refused': { severity: 'bad', seen: 'the machine answers that nobody listens on that port', why: NOTHING },
  'way.timeout': { severity: 'bad', seen: 'nothing at all comes back from that port: a firewall drops it, or there is no such machine', why: NOTHING },
  'way.unreachable': { severity: 'bad', seen: 'there is no way to that address from here', why: NOTHING },
  'way.not-tls': { severity: 'bad', seen: 'what listens there speaks no TLS, or none that we may speak', why: 'the sender and the listener do not understand each other' },
  'way.cut': { severity: 'bad', seen: 'the connection ended in the handshake', why: 'something between, or the listener itself at its limits, ends it' },
} as const;
type Code = keyof typeof CODES;

export const wayReachCheck = check({
  name: 'way-reach',
  codes: CODES,
  look(way: Way, say: Say<Code>) {
    const { host, port, lookupError, address, connectErrors, handshake } = way;
    if (lookupError !== null) {
      say.unseen('the name does not resolve', 'way.refused', 'way.timeout', 'way.unreachable', 'way.not-tls', 'way.cut');
      return say.found('way.name-unknown', { what: `${host} does not resolve (${lookupError})`, fix: `getent ahosts ${word(host)} (put it into DNS or /etc/hosts, or send to an address)`, evidence: { host, error: lookupError } });
    }
    if (address === null) {
      for (const [tried, error] of Object.entries(connectErrors)) sayUnconnected(tried, port, error, say);
      return say.unseen('no connection came about', 'way.not-tls', 'way.cut');
    }
    const error = handshake?.error ?? null;
    if (error !== null) sayUnshaken(way, error, say);
  },
});

function sayUnconnected(address: string, port: number, error: string, say: Say<Code>): void {
  const evidence = { address, port, error };
  const at = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  if (error === 'ECONNREFUSED') {
    say.found('way.refused', { what: `${at} refuses the connection`, fix: 'strongroom doctor (there: does it run, and listen on that port and address? A firewall that rejects looks the same)', evidence });
  } else if (error === 'ETIMEDOUT') {
    say.found('way.timeout', { what: `${at} does not answer`, fix: `strongroom doctor (there: firewall rules that drop ${port}/tcp; between: tcptraceroute ${address} ${port})`, evidence });
  } else {
    say.found('way.unreachable', { what: `${at} cannot be reached (${error})`, fix: `ip route get ${address} (which way is taken, and whether there is one)`, evidence });
  }
}

function sayUnshaken({ host, port }: Way, error: string, say: Say<Code>): void {
  const evidence = { host, port, error };
  const command = `openssl s_client -connect ${word(`${host}:${port}`)} -tls1_3 </dev/null`;
  if (error === 'ECONNRESET' || error === 'closed' || error === 'EPIPE') say.found('way.cut', { what: `${host}:${port} ended the connection before TLS was agreed upon`, fix: `${command} (and there: strongroom doctor)`, evidence });
  else say.found('way.not-tls', { what: `${host}:${port} does not speak TLS 1.3 with us (${error})`, fix: `${command} (is that the TLS port? 6514 and 2514 are)`, evidence });
}
