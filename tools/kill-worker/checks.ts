import { decodeProof, HeaderName, ReceiptError } from '@ton-compute/protocol';

import { SentRequest } from '../../worker/tests/support/client';
import { pick, Random } from './random';
import { Witness } from './witness';
import { World } from './world';

/** Seconds that a proof must still be valid for, to be refused for nothing but having been used. */
const ProofMargin = 20;

/** Compares a worker that came back with everything that was acknowledged before. @returns what contradicts it. */
export async function checkWorker(world: World, random: Random): Promise<string[]> {
    const faults = await Promise.all(world.witnesses.map((witness) => checkSession(world, witness, random)));
    return faults.flat();
}

async function checkSession(world: World, witness: Witness, random: Random): Promise<string[]> {
    const name = `Session ${witness.client.address.toRawString().slice(0, 12)}: `;
    try {
        const account = await witness.client.account();
        const { claimed } = await world.network.sessionData(witness.client.address);
        const faults = witness.compare(account);
        if (claimed > witness.signed) {
            faults.push(`${claimed} were claimed on the chain, signed were ${witness.signed}`);
        }
        faults.push(...(await replay(world.command.url, witness, random)));
        await world.feed(witness, account.claimable);
        return faults.map((fault) => name + fault);
    } catch (error) {
        const kind = error instanceof ReceiptError ? 'a receipt contradicts an earlier one: ' : '';
        return [name + kind + (error instanceof Error ? error.message : String(error))];
    }
}

/** Sends an old request again, as it was and under a new proof. @returns what the worker should not have done. */
async function replay(url: string, { client, accepted }: Witness, random: Random): Promise<string[]> {
    const now = Math.floor(Date.now() / 1000);
    const valid = accepted.filter(({ headers }) => validUntil(headers) > now + ProofMargin);
    if (valid.length === 0) {
        return [];
    }
    const old = pick(random, valid);
    const sealed = accepted.filter(({ headers }) => headers['content-type'] !== 'application/json').at(-1);
    const anew =
        sealed === undefined
            ? null
            : { ...sealed, headers: client.headers(sealed.method, sealed.path, sealed.body, { sealed: true }) };
    const codes = await Promise.all([old, ...(anew === null ? [] : [anew])].map((request) => codeOf(url, request)));
    return codes.flatMap((code) => (code === 'replayed_request' ? [] : [`a request that was sent before got ${code}`]));
}

async function codeOf(url: string, { method, path, headers, body }: SentRequest): Promise<string> {
    const response = await fetch(url + path, { method, headers, body });
    const text = await response.text();
    return response.status === 200 ? 'an answer' : (JSON.parse(text) as { error: { code: string } }).error.code;
}

function validUntil(headers: Record<string, string>): number {
    return decodeProof(headers[HeaderName.Proof]).validUntil;
}
