import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, Cell, fromNano, internal, SendMode, Transaction } from '@ton/core';
import { keyPairFromSeed, KeyPair } from '@ton/crypto';
import { WalletContractV4 } from '@ton/ton';
import { CoinSymbol, describeExitCode } from '@ton-compute/contracts';
import { z } from 'zod';

import { Chain } from '../chain/chain';
import { ExternalRefused } from '../chain/exit-codes';
import { ChainError, ChainUnreachable } from '../chain/transport';
import { StartError } from '../errors';
import { PrivateFile } from '../keys/private-file';
import { AttestFailure } from './errors';

/** Seconds during which the network may take a message; afterwards it is void. */
const MessageLife = 120;
/** Seconds for an answer once the wallet has sent. */
const AnswerPatience = 90;
/** Seconds between two looks. */
const LookInterval = 0.5;
/** nanoTON that the wallet should hold beyond what it sends, for its own fees. */
const WalletFees = 20_000_000n;
/** Transactions that are looked through for an answer. */
const Page = 20;

const KeyFile = z.strictObject({ version: z.literal(1), seed: z.string().regex(/^[0-9a-f]{64}$/) });

/** A message that the wallet pays for. */
export type Outgoing = {
    to: Address;
    /** nanoTON; what is not used comes back with the answer. */
    value: bigint;
    body: Cell;
};

/** A message that came to the wallet. */
export type Incoming = { from: Address; body: Cell };

/** How the wallet reaches the chain. */
export type WalletPorts = {
    chain: Chain;
    /** Seconds after which a message that has not arrived is sent again. */
    resendAfter: number;
};

/** @param path of the key file; it is made if it is not there. @throws {StartError} when it is none. */
export async function loadGasKey(path: string): Promise<KeyPair> {
    return gasKeyOf(
        path,
        await new PrivateFile(path).load(() => JSON.stringify({ version: 1, seed: randomBytes(32).toString('hex') })),
    );
}

/** As `loadGasKey`, but makes nothing. @returns null when there is none yet. */
export async function peekGasKey(path: string): Promise<KeyPair | null> {
    const text = await new PrivateFile(path).read();
    return text === undefined ? null : gasKeyOf(path, text);
}

function gasKeyOf(path: string, text: string): KeyPair {
    try {
        return keyPairFromSeed(Buffer.from(KeyFile.parse(JSON.parse(text)).seed, 'hex'));
    } catch {
        // The cause is left out: it would quote the file.
        throw new StartError(
            `${path} is not a key file of a gas wallet. Restore it from your backup, or move it away: a new one is made ` +
                'at the next start, whose address the owner then has to fund and to name as attester.',
        );
    }
}

/**
 * A small wallet (v4r2) of the worker. It pays for nonces, quotes and collateral, and for the bonds of jobs, and holds no
 * more than that: whoever steals its key can send quotes for this provider, which still have to be genuine, and bid.
 */
export class GasWallet {
    private readonly contract: WalletContractV4;
    private last: Promise<unknown> = Promise.resolve();

    constructor(
        private readonly keys: KeyPair,
        private readonly ports: WalletPorts,
    ) {
        this.contract = WalletContractV4.create({ workchain: 0, publicKey: keys.publicKey });
    }

    get address(): Address {
        return this.contract.address;
    }

    /** @returns nanoTON. @throws {ChainUnreachable}, {ChainError} */
    async balance(): Promise<bigint> {
        return (await this.ports.chain.account(this.address)).balance;
    }

    /**
     * Sends a message and waits for the answer that `match` recognises. One message at a time.
     * @throws {AttestFailure} when the wallet holds too little, the message gets lost, is refused, or has no answer.
     */
    exchange<T>(message: Outgoing, match: (incoming: Incoming) => T | undefined, signal: AbortSignal): Promise<T> {
        const run = this.last.then(async () => {
            const since = await this.send(message, signal);
            return this.awaitAnswer(message, since, match, signal);
        });
        this.last = run.catch(() => undefined);
        return run;
    }

    /** @returns logical time of the wallet's last transaction before. */
    private async send(message: Outgoing, signal: AbortSignal): Promise<bigint> {
        const { chain, resendAfter } = this.ports;
        const { balance, code, lastLt } = await chain.account(this.address);
        if (balance < message.value + WalletFees) {
            throw new AttestFailure(
                `The gas wallet ${this.address.toString()} holds ${fromNano(balance)} ${CoinSymbol} and needs ` +
                    `${fromNano(message.value + WalletFees)}. Send it coins, 1 ${CoinSymbol} for example: most of each ` +
                    'message comes back.',
                false,
            );
        }
        const seqno = code === null ? 0 : await chain.open(this.contract).getSeqno();
        const timeout = chain.now() + MessageLife;
        const body = this.transfer(seqno, timeout, message);
        const init = code === null ? this.contract.init : null;
        let sentAt = -Infinity;
        // The same bytes, any number of times, count once.
        while (chain.now() <= timeout) {
            signal.throwIfAborted();
            if (performance.now() - sentAt >= resendAfter * 1000) {
                sentAt = performance.now();
                await this.trySend(body, init, seqno);
            }
            if ((await this.seqno()) > seqno) {
                return lastLt;
            }
            await sleep(LookInterval * 1000, undefined, { signal });
        }
        throw new AttestFailure('The network did not take a message of the gas wallet in time; it is void now.', false);
    }

    private transfer(seqno: number, timeout: number, { to, value, body }: Outgoing): Cell {
        return this.contract.createTransfer({
            seqno,
            timeout,
            secretKey: this.keys.secretKey,
            messages: [internal({ to, value, body, bounce: true })],
            // Without ignored errors a failing action would be repeated until the wallet's coins are gone.
            sendMode: SendMode.PAY_GAS_SEPARATELY | SendMode.IGNORE_ERRORS,
        });
    }

    private async trySend(body: Cell, init: WalletContractV4['init'] | null, seqno: number): Promise<void> {
        try {
            await this.ports.chain.sendExternal(this.address, body, init);
        } catch (error) {
            if (error instanceof ChainUnreachable) {
                return;
            }
            if (error instanceof ExternalRefused && (await this.seqno()) > seqno) {
                return; // it has arrived already
            }
            throw error;
        }
    }

    private async seqno(): Promise<number> {
        const { chain } = this.ports;
        try {
            const { code } = await chain.account(this.address);
            return code === null ? 0 : await chain.open(this.contract).getSeqno();
        } catch (error) {
            if (error instanceof ChainUnreachable || error instanceof ChainError) {
                return -1;
            }
            throw error;
        }
    }

    private async awaitAnswer<T>(
        message: Outgoing,
        since: bigint,
        match: (incoming: Incoming) => T | undefined,
        signal: AbortSignal,
    ): Promise<T> {
        for (const end = performance.now() + AnswerPatience * 1000; performance.now() < end; ) {
            for (const transaction of await this.newer(since)) {
                const { info, body } = transaction.inMessage!;
                if (info.type !== 'internal') {
                    continue;
                }
                if (info.bounced && info.src.equals(message.to)) {
                    throw new AttestFailure(await this.refusal(message.to, since), true);
                }
                const answer = match({ from: info.src, body });
                if (answer !== undefined) {
                    return answer;
                }
            }
            await sleep(LookInterval * 1000, undefined, { signal });
        }
        throw new AttestFailure(
            `The gas wallet has sent its message to ${message.to.toString()}, but no answer came within ` +
                `${AnswerPatience} s. Look at the wallet ${this.address.toString()} in an explorer.`,
            true,
        );
    }

    private async newer(since: bigint): Promise<Transaction[]> {
        const transactions = await this.ports.chain.transactions(this.address, Page).catch((error: unknown) => {
            if (error instanceof ChainUnreachable || error instanceof ChainError) {
                return [];
            }
            throw error;
        });
        return transactions.filter(({ lt, inMessage }) => lt > since && inMessage);
    }

    /** @returns why a message of this wallet bounced, in words. */
    private async refusal(target: Address, since: bigint): Promise<string> {
        const refused = `${target.toString()} refused the message of the gas wallet`;
        for (const { lt, inMessage, description } of await this.ports.chain.transactions(target, Page)) {
            const ours = inMessage?.info.type === 'internal' && inMessage.info.src.equals(this.address);
            if (lt > since && ours && description.type === 'generic' && description.computePhase.type === 'vm') {
                return `${refused}. ${describeExitCode(description.computePhase.exitCode)}`;
            }
        }
        return `${refused}: no contract is there yet.`;
    }
}
