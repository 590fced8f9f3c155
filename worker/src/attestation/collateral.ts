import { Address, beginCell } from '@ton/core';
import {
    CaType,
    IntelPcs,
    Keeper,
    KeeperEvent,
    leastValueOf,
    NamedMessage,
    pccs,
    planRefresh,
} from '@ton-compute/attestation';
import { AttestationVerifier, CrlBuilder, describeExitCode } from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { messageOf } from '../errors';
import { Logger } from '../logger';
import { AttestFailure } from './errors';
import { GasWallet, Incoming } from './gas-wallet';
import { NetworkVerifier } from './verifier';

const { opcodes } = AttestationVerifier.AttestationVerifier;
/** Prices may rise between the estimate and the transaction; what is not used comes back. */
const Margin = 2n;
/** More steps than any revocation list needs. */
const MaxSteps = 100;
/** Seconds before the end of the collateral from which on the worker warns, where nobody here renews it. */
const WarnBefore = 7 * 86_400;

/** Machines whose collateral is looked after. */
export type Machines = { fmspc: string; ca: CaType };

export type CaretakerOptions = {
    chain: Chain;
    verifier: NetworkVerifier;
    wallet: GasWallet;
    logger: Logger;
    /** PCS or PCCS; null: only warns. */
    url: string | null;
};

/** Sees to it that the verifier knows what it needs for this machine. */
export class CollateralCaretaker {
    constructor(private readonly options: CaretakerOptions) {}

    /**
     * Renews what is missing or expires soon, or warns of it.
     * @throws {AttestFailure} when something is missing or has expired, and could not be fetched.
     */
    async see(machines: Machines, signal: AbortSignal): Promise<void> {
        const { chain, logger, url, verifier } = this.options;
        if (url !== null) {
            await this.keeper(url, machines).refresh(signal).catch((error: unknown) => {
                signal.throwIfAborted();
                logger.warn({ reason: messageOf(error) }, 'The collateral could not be renewed; tried again later.');
            });
        }
        const known = await verifier.parts(machines.fmspc, machines.ca);
        const missing = planRefresh(chain.now(), known, { marginSeconds: 0 }).due.map(({ kind }) => kind);
        if (missing.length > 0) {
            throw new AttestFailure(
                `The verifier has no valid ${missing.join(', ')} for processor model ${machines.fmspc}. Add it with ` +
                    '`npx blueprint run addCollateral`, or set attestation.collateral.',
                false,
            );
        }
        const soon = planRefresh(chain.now(), known, { marginSeconds: WarnBefore });
        if (url === null && soon.due.length > 0) {
            logger.warn(
                { parts: soon.due.map(({ kind }) => kind) },
                'Collateral of the verifier expires within a week. Without it no quote is accepted: add newer one.',
            );
        }
    }

    private keeper(url: string, machines: Machines): Keeper {
        const { chain, verifier, logger } = this.options;
        const source = new URL(url).origin === new URL(IntelPcs.baseUrl).origin ? IntelPcs : pccs(url);
        return new Keeper({
            source,
            target: machines,
            rootKey: verifier.rootKey,
            attempts: 2,
            now: () => chain.now(),
            readState: () => verifier.parts(machines.fmspc, machines.ca),
            send: (message, signal) => this.send(message, signal ?? new AbortController().signal),
            report: (event) => logEvent(logger, event),
        });
    }

    private async send({ kind, name, body }: NamedMessage, signal: AbortSignal): Promise<void> {
        const { verifier, wallet, chain } = this.options;
        const values = await verifier.minimumValues();
        let to = verifier.address;
        let value = leastValueOf(values, kind);
        let order = body;
        for (let step = 0; step < MaxSteps; step += 1) {
            const builder = await wallet.exchange({ to, value: Margin * value, body: order }, answerOf, signal);
            if (builder === null) {
                return;
            }
            // A long revocation list is read in several steps, by a contract of its own.
            to = builder;
            value = await chain.open(CrlBuilder.CrlBuilder.fromAddress(to)).getStepValue();
            order = beginCell()
                .store(CrlBuilder.storeContinueCrl({ $$type: 'ContinueCrl', queryId: 0n }))
                .endCell();
        }
        throw new AttestFailure(`The ${name} is not read to its end after ${MaxSteps} steps.`, true);
    }
}

/** @returns null when the part is stored; the contract that has to read on when it is a long list. */
function answerOf({ body, from }: Incoming): Address | null | undefined {
    const fields = body.beginParse();
    switch (fields.remainingBits >= 96 ? fields.loadUint(32) : 0) {
        case opcodes.CollateralStored:
            return null;
        case CrlBuilder.CrlBuilder.opcodes.CrlAdvanced:
            return from;
        case opcodes.CollateralRefused:
            throw new AttestFailure(
                `The verifier did not take the collateral. ${describeExitCode(fields.skip(64).loadUint(16))}`,
                true,
            );
        default:
            return undefined;
    }
}

function logEvent(logger: Logger, event: KeeperEvent): void {
    switch (event.type) {
        case 'fetching':
            logger.info({ from: event.from }, 'Fetching collateral.');
            break;
        case 'sent':
            logger.info({ part: event.kind }, `Sent to the verifier: ${event.name}.`);
            break;
        case 'stored':
            logger.info({ parts: event.kinds }, 'The verifier knows newer collateral now.');
            break;
        case 'nothing_newer':
            logger.debug({ part: event.kind }, 'Due, but there is nothing newer yet.');
            break;
        case 'retrying':
            logger.warn({ reason: messageOf(event.error) }, `Tried again in ${event.inSeconds} s.`);
            break;
        default:
    }
}
