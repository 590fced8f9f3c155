import { isIP } from 'node:net';

import { messageOf } from './errors';

/** What /ready says, or why nobody says it. */
export type Readiness = { ready: boolean; reasons: string[] };

/** Seconds to wait for an answer. */
const Patience = 4;
/** Addresses that mean every address of the machine. */
const Everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Asks a worker on this machine whether it would serve a paid request now. @param port as it is configured. */
export async function askReady({ host, port }: { host: string; port: number }): Promise<Readiness> {
    if (port === 0) {
        return { ready: false, reasons: ['The configured port is 0, any free one: name the one that it took with --listen-port.'] };
    }
    const address = Everywhere[host] ?? host;
    const url = `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}/ready`;
    try {
        const response = await fetch(url, { signal: AbortSignal.timeout(Patience * 1000) });
        return (await response.json()) as Readiness;
    } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        return { ready: false, reasons: [`No worker answers at ${url} (${messageOf(cause)}).`] };
    }
}
