import { Address, beginCell, Cell } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import {
    accountOf,
    DefaultCloseWindow,
    escrowDeployment,
    Deployment,
    isAcceptableEd25519Key,
    OfferTerms,
    OpeningDeadline,
    packTerms,
    RejectReason,
    SessionEscrow,
    Tier,
} from '@ton-compute/contracts';
import { formatCoins } from './amounts';
import { Chain } from './chain/chain';
import { EscrowState, readEnding, readEscrow } from './chain/escrow';
import { openingValue, readChainPrices } from './chain/fees';
import { ProviderInfo } from './chain/providers';
import { Wallet } from './chain/wallet';
import { ClientError } from './errors';
import { CheckedPolicy, requireCloseWindow, tcbStatusBits } from './policy';
import { randomBytes } from './random';

/** What may be chosen when a session is opened. */
export type OpenOptions = {
    /** What can be spent, nanoTON; at least the offer's minimum. */
    deposit: bigint;
    /**
     * nanoTON that the worker may be owed beyond the last voucher, in tier tdx: what you risk beyond what you signed.
     * Half of the offer's maximum when omitted, and never more than a tenth of the deposit; it may be 0.
     */
    creditWindow?: bigint;
    /** Seconds between start and end of a close; six hours when omitted. */
    closeWindow?: number;
    /** uint64, to hold several sessions with one provider; random when omitted. */
    salt?: bigint;
    /** Seed of the session key, 32 bytes; random when omitted. */
    sessionKey?: Buffer;
    /** Seconds from now for which the session key is used; without end when omitted. What runs then is still paid. */
    lifetime?: number;
    signal?: AbortSignal;
};

/** What is about to be opened. */
export type Opening = {
    deployment: Deployment;
    terms: Cell;
    /** Seed, 32 bytes. */
    sessionKey: Buffer;
};

/** Decides the terms of a session. @throws ClientError `invalid_option`. */
export async function planOpening(
    provider: ProviderInfo,
    offer: OfferTerms,
    client: Address,
    policy: CheckedPolicy,
    options: OpenOptions,
): Promise<Opening> {
    if (options.deposit < offer.minDeposit) {
        throw new ClientError(
            'invalid_option',
            `The deposit of ${formatCoins(options.deposit)} is below the offer's minimum of ` +
                `${formatCoins(offer.minDeposit)}.`,
        );
    }
    const closeWindow = options.closeWindow ?? DefaultCloseWindow;
    requireCloseWindow(closeWindow);
    const creditWindow = options.creditWindow ?? smaller(offer.maxCreditWindow / 2n, options.deposit / 10n);
    if (creditWindow < 0n || creditWindow > offer.maxCreditWindow) {
        throw new ClientError(
            'invalid_option',
            `creditWindow: expected 0 to ${offer.maxCreditWindow} nanoTON (the offer's maximum), got ${creditWindow}.`,
        );
    }
    const sessionKey = options.sessionKey ?? randomBytes(32);
    const publicKey = sessionPublicKey(sessionKey);
    const terms = packTerms({
        provider: provider.address,
        client,
        salt: options.salt ?? randomBytes(8).readBigUInt64BE(),
        creditWindow,
        closeWindow,
        leastTier: policy.leastTier === 'tdx' ? Tier.Tdx : Tier.Open,
        acceptedTcbStatuses: tcbStatusBits(policy),
        // A list cannot be demanded in the terms, so what the provider runs now is: it was found on the list.
        measurement: demandsMeasurement(policy) ? provider.measurement : null,
        offer,
    });
    return { deployment: await escrowDeployment(publicKey, provider.settlement, terms), terms, sessionKey };
}

/** @returns whether a policy names images. */
export function demandsMeasurement({ leastTier, measurements, catalogs }: CheckedPolicy): boolean {
    return leastTier === 'tdx' && (measurements !== null || catalogs.length > 0);
}

/** @param seed 32 bytes. @returns the public key. */
export function sessionPublicKey(seed: Buffer): Buffer {
    if (seed.length !== 32) {
        throw new ClientError('invalid_option', `sessionKey: expected a seed of 32 bytes, got ${seed.length}.`);
    }
    const { publicKey } = keyPairFromSeed(seed);
    if (!isAcceptableEd25519Key(publicKey)) {
        throw new ClientError('invalid_option', 'sessionKey: the seed gives a key of small order; take random bytes.');
    }
    return publicKey;
}

function smaller(a: bigint, b: bigint): bigint {
    return a < b ? a : b;
}

/** Seconds until an opening that nobody answered is given up; the chain gives it back later on demand. */
const OpeningSeconds = 180;
const PollSeconds = 1;

/**
 * Deploys the escrow, opens the session and waits for the provider's answer.
 * @param deposit nanoTON that can be spent; rent reserve and the costs of opening are added to it (`openingValue`).
 * @returns the open session's state.
 * @throws ClientError `session_rejected` when everything came back, `opening_unanswered` when it can be reclaimed.
 */
export async function openEscrow(
    chain: Chain,
    wallet: Wallet,
    { deployment }: Opening,
    deposit: bigint,
): Promise<EscrowState> {
    const escrow = deployment.address;
    const existing = await readEscrow(chain, escrow);
    if (existing !== null && existing.status !== 'new') {
        throw new ClientError(
            'session_not_open',
            `The session ${escrow.toString()} is ${existing.status} already: resume it, or choose another salt.`,
        );
    }
    const body = beginCell()
        .store(SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n }))
        .endCell();
    const value = openingValue(await readChainPrices(chain), deposit);
    // Bounceable: an opening that the escrow refuses comes back.
    await wallet.send(chain, { to: escrow, value, body, init: deployment.init, bounce: true });
    return waitForAnswer(chain, escrow);
}

async function waitForAnswer(chain: Chain, escrow: Address): Promise<EscrowState> {
    const until = Date.now() + OpeningSeconds * 1000;
    let seen = false;
    let last: EscrowState | null = null;
    while (Date.now() < until) {
        last = await readEscrow(chain, escrow);
        if (last?.status === 'open') {
            return last;
        }
        if (last === null) {
            const ending = await readEnding(chain, escrow);
            if (ending !== null || seen) {
                throw rejected(escrow, ending?.kind === 'rejected' ? ending.reason : null);
            }
        }
        seen ||= last !== null;
        await chain.pause(PollSeconds);
    }
    throw last === null
        ? new ClientError(
              'not_confirmed',
              `The opening message was sent, but the session ${escrow.toString()} did not appear within ` +
                  `${OpeningSeconds} s. ` +
                  'If the escrow refused it, its value has come back to the wallet: look there, then try again.',
          )
        : new ClientError(
              'opening_unanswered',
              `The provider did not answer the opening of ${escrow.toString()} within ${OpeningSeconds} s. The money ` +
                  'is in ' +
                  `the escrow; ${OpeningDeadline} s after the opening \`reclaim\` brings all of it back.`,
              { deadline: last.deadline },
          );
}

function rejected(escrow: Address, reason: number | null): ClientError {
    const why =
        reason === null
            ? "the provider's account refused to answer"
            : (RejectReason[reason] ?? `for a reason that this version does not know (${reason})`);
    return new ClientError(
        'session_rejected',
        `The session ${escrow.toString()} was rejected: ${why}. The deposit came back to the wallet, less network ` +
            'fees. ' +
            'Choose another provider, or relax the policy.',
        { reason },
    );
}

/** @returns the account hash of an address, after checking that it is in the basechain. */
export function requireBasechain(address: Address, name: string): Address {
    try {
        accountOf(address);
        return address;
    } catch {
        throw new ClientError(
            'invalid_option',
            `${name}: expected an address in the basechain, got ${address.toString()}.`,
        );
    }
}
