import { Address } from '@ton/core';
import { receiptPayload, SignedReceipt, SignedVoucher } from '@ton-compute/contracts';
import { HeaderName } from '@ton-compute/protocol';

import { Chain } from '../chain/chain';
import { EscrowSnapshot, readEscrow, refreshEscrow } from '../chain/escrow';
import { ChainError, ChainUnreachable } from '../chain/transport';
import { messageOf } from '../errors';
import { importPublicKey, verifySignature } from '../keys/ed25519';
import { Ledger } from '../ledger/ledger';
import { newSessionRecord } from '../ledger/sessions';
import { Logger } from '../logger';
import { WireError } from '../wire-error';
import { Session } from './session';
import { UnknownEscrows } from './unknown-escrows';

/** Lookups of escrows that are not known yet, at once: strangers must not be able to drown the chain's API in them. */
const MaxLookups = 8;
/** Seconds for which a reading is new enough to refuse a request by it. */
const RecheckAfter = 2;

/** What the sessions need to know of the worker that they are with. */
export type BookOptions = {
    chain: Chain;
    ledger: Ledger;
    logger: Logger;
    globalId: number;
    provider: Address;
    settlement: Address;
};

/** All sessions that are in use or hold unclaimed money, in memory; everything of worth is in the ledger too. */
export class SessionBook {
    private readonly sessions = new Map<string, Session>();
    private readonly lookups = new Map<string, Promise<Session>>();
    private readonly unknown = new UnknownEscrows();

    constructor(private readonly options: BookOptions) {}

    /** Those in memory. */
    all(): Session[] {
        return [...this.sessions.values()];
    }

    /** @returns the session, if it is in memory. */
    known(address: Address): Session | undefined {
        return this.sessions.get(address.toRawString());
    }

    /**
     * @returns the session, read from the chain if it is seen for the first time.
     * @throws {WireError} unknown_session, chain_unavailable, overloaded.
     */
    async get(address: Address): Promise<Session> {
        const key = address.toRawString();
        const session = this.sessions.get(key);
        if (session !== undefined) {
            // Whoever asks for it is about to use it: forgotten now, it would have a second account of its money.
            session.lastUsed = performance.now();
            return session;
        }
        if (this.unknown.has(key)) {
            throw unknownSession();
        }
        const running = this.lookups.get(key);
        if (running !== undefined) {
            return running;
        }
        if (this.lookups.size >= MaxLookups) {
            throw new WireError('overloaded', 'Too many new sessions at once. Try again in a second.', {}, 1);
        }
        const lookup = this.look(address).finally(() => this.lookups.delete(key));
        this.lookups.set(key, lookup);
        return lookup;
    }

    /**
     * Takes up the sessions that hold unclaimed money, after a start.
     * @throws {ChainUnreachable}, {ChainError}; may then be called again and goes on where it was.
     */
    async restore(): Promise<void> {
        const { chain, ledger, logger } = this.options;
        for (const { id } of ledger.sessions.unclaimed()) {
            if (this.known(id.escrow) !== undefined) {
                continue;
            }
            const snapshot = await readEscrow(chain, id.escrow);
            if (snapshot === null || snapshot.openedLt !== id.openedLt) {
                await ledger.write(ledger.sessions.close(id));
                logger.warn({ escrow: id.escrow.toRawString() }, 'A session with unclaimed vouchers is gone.');
            } else {
                await this.adopt(snapshot);
            }
        }
    }

    /** nanoTON that could be claimed now. */
    get due(): bigint {
        return this.all().reduce((sum, session) => sum + session.due, 0n);
    }

    /**
     * Reads a session's escrow again.
     * @returns false when this life of it is over.
     * @throws {ChainUnreachable}, {ChainError}
     */
    async refresh(session: Session): Promise<boolean> {
        const { chain, ledger } = this.options;
        const snapshot = await refreshEscrow(chain, session.address);
        if (snapshot === null || snapshot.openedLt !== session.id.openedLt) {
            await this.bury(session);
            return false;
        }
        if (snapshot.claimed !== session.snapshot.claimed) {
            await ledger.write(ledger.sessions.putClaimed(session.id, snapshot.claimed, chain.now()));
        }
        session.update(snapshot);
        return true;
    }

    /**
     * Reads a session's escrow again if its last reading may be the reason for a refusal; not more often than every
     * two seconds, so that refused requests cannot flood the chain's API. Errors leave the last reading in force.
     * @returns the session in force now, which is another one if the escrow was opened anew; null if there is none.
     */
    async recheck(session: Session): Promise<Session | null> {
        if (performance.now() - session.readAtMs < RecheckAfter * 1000) {
            return this.known(session.address) ?? null;
        }
        try {
            return (await this.refresh(session)) ? session : await this.get(session.address);
        } catch {
            return this.known(session.address) ?? null;
        }
    }

    /**
     * Checks a voucher and keeps it if it is higher than the one that is held. When this returns it is on the disk.
     * @returns whether it was higher.
     * @throws {WireError} invalid_voucher.
     */
    async acceptVoucher(session: Session, voucher: SignedVoucher): Promise<boolean> {
        const held = session.highestVoucher;
        if (held !== null && held.cumulative === voucher.cumulative && held.signature.equals(voucher.signature)) {
            return false;
        }
        if (!verifySignature(session.sessionKey, session.voucherHasher.hash(voucher), voucher.signature)) {
            throw new WireError(
                'invalid_voucher',
                "The voucher is not signed by the session's key for this network, escrow and opening.",
            );
        }
        const { ledger, chain } = this.options;
        if (voucher.cumulative <= session.cumulative) {
            if (session.prefersExact(voucher)) {
                await ledger.change(ledger.sessions.putExact(session.id, voucher));
                session.settleFor(voucher);
            }
            return false;
        }
        const raised = await ledger.change(ledger.sessions.raiseVoucher(session.id, voucher, chain.now()));
        if (raised) {
            session.raise(voucher);
            session.lastUsed = performance.now();
        }
        return raised;
    }

    /**
     * A client shows the newest receipt that it holds. A worker never knows less than its clients, unless its ledger is
     * an old copy: then what it signed since comes back this way, and it contradicts nothing. When this returns it is on
     * the disk.
     * @throws {WireError} invalid_request when it is not our own.
     */
    async acceptReceipt(session: Session, receipt: SignedReceipt): Promise<void> {
        if (receipt.sequence <= session.lastSequence) {
            return;
        }
        const { ledger, logger } = this.options;
        const { workerKey } = session.snapshot;
        if (!verifySignature(importPublicKey(workerKey), receiptPayload(session.domain, receipt).hash(), receipt.signature)) {
            throw new WireError(
                'invalid_request',
                'The receipt is not one that this worker signed for this session. Send the newest one, or none.',
                { param: HeaderName.Receipt },
            );
        }
        await ledger.write(ledger.sessions.putReceipt(session.id, receipt));
        session.recall(receipt);
        logger.warn(
            { escrow: session.address.toRawString(), sequence: receipt.sequence },
            'A client holds a newer receipt than the ledger: it is an old copy. What clients show is taken up again.',
        );
    }

    /** Forgets a session that is idle; the ledger keeps what it is worth. */
    evict(session: Session): void {
        this.sessions.delete(session.address.toRawString());
    }

    private async look(address: Address): Promise<Session> {
        let snapshot: EscrowSnapshot | null;
        try {
            snapshot = await readEscrow(this.options.chain, address);
        } catch (error) {
            if (error instanceof ChainUnreachable || error instanceof ChainError) {
                this.options.logger.warn({ reason: messageOf(error) }, 'A new session could not be looked up.');
                throw new WireError(
                    'chain_unavailable',
                    'The worker cannot read the chain at the moment, so it cannot check a session that is new to it.',
                    {},
                    5,
                );
            }
            throw error;
        }
        if (snapshot === null || !this.isOurs(snapshot)) {
            this.unknown.add(address.toRawString());
            throw unknownSession();
        }
        // Before the opening there is nothing to keep: the escrow is read again the next time.
        if (snapshot.status === 'new' || snapshot.status === 'opening') {
            throw new WireError(
                'session_not_open',
                snapshot.status === 'new'
                    ? 'The escrow is deployed, but its client has not opened the session.'
                    : 'The session is being opened: the provider has not confirmed it yet. Try again in a few seconds.',
                {},
                snapshot.status === 'new' ? null : 3,
            );
        }
        return this.adopt(snapshot);
    }

    private isOurs(snapshot: EscrowSnapshot): boolean {
        const { provider, settlement } = this.options;
        return snapshot.agreement.provider.equals(provider) && snapshot.settlement.equals(settlement);
    }

    private async adopt(snapshot: EscrowSnapshot): Promise<Session> {
        const { chain, ledger, globalId } = this.options;
        const id = { escrow: snapshot.address, openedLt: snapshot.openedLt };
        const found = ledger.sessions.find(id);
        if (found === null) {
            await ledger.write(ledger.sessions.add(id, snapshot.claimed));
        } else if (found.claimed !== snapshot.claimed) {
            await ledger.write(ledger.sessions.putClaimed(id, snapshot.claimed, chain.now()));
        }
        const record = found ?? newSessionRecord(id, snapshot.claimed);
        const present = this.known(snapshot.address);
        if (present?.id.openedLt === snapshot.openedLt) {
            return present; // two found it at once: there must be one account of its money
        }
        const session = new Session(snapshot, record, globalId, () => chain.now());
        this.sessions.set(snapshot.address.toRawString(), session);
        return session;
    }

    private async bury(session: Session): Promise<void> {
        const { ledger, logger } = this.options;
        await ledger.write(ledger.sessions.close(session.id));
        this.evict(session);
        session.end();
        logger.info({ escrow: session.address.toRawString() }, 'A session has ended.');
    }
}

function unknownSession(): WireError {
    return new WireError(
        'unknown_session',
        'There is no such session with this provider. Check the address and the network; a session that was opened ' +
            'seconds ago may need a moment.',
    );
}
