import { Address, beginCell, Cell, Dictionary, Message, StateInit, toNano, Transaction } from '@ton/core';
import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';
import { BlockchainSnapshot } from '@ton/sandbox';
import '@ton/test-utils';
import {
    accountOf, addressOf, batchCost, BatchItem, bigIntToHash, escrowReserve, finishValue, hashToBigInt, JobEscrow, JobListing,
    JobOutcome, MaxAwardTime, MaxDeliveryTime, MaxStoreUrl, NonceRenewal, OfferTerms, openSessionValue, packNote, packTerms,
    Provider, ProviderRegistry, registrationValue, RewardSettlement, setKeysValue, SignedReceipt, SignedVoucher, syncFeeValue,
    Tier,
} from '../wrappers';
import {
    actionCodeOf, dataOf, exitCodeOf, forwardFee, forwardFeesOf, gasFeesOf, gasOf, pricesOf, rentOf, sendAs, setDataOf, storedBy, transactionOf, treeSize, tryAs, tryExternal,
} from './support/chain';
import { EncryptionKey, Start, testKey, TestNetwork, TestOffer, TestParameters, TestSession } from './support/network';
import { attestForJobs, ballasted, TestAgreement, TestJob } from './support/jobs';
import { attest } from './support/provider_state';
import { PriceSet } from './support/prices';
import { LongestNote, measurementOf, TestCatalog } from './catalog/catalog';
import { requestNonce, sessionClosed, setAttester, setKeys } from './provider/messages';
import { askNonce, deliver, guest, GuestKey, Verdict, verdictOn } from './provider/quotes';
import { bouncedConfirmation, claimReceipt, claimVoucher, finishSession, refreshAttestation } from './session/messages';

// Every figure of contracts/*/fees.tact against what the contracts really do: large enough, and at most twice too large.

const Year = 31_536_000;
const Contracts = join(__dirname, '..', 'contracts');

/** The figures as they stand in the sources. */
const Figures: ReadonlyMap<string, bigint> = new Map(
    // The least values that follow from the figures of attestation are tried in tests/attestation/fees.test.ts.
    readdirSync(Contracts).filter((name) => name !== 'attestation').flatMap((name) => {
        const file = join(Contracts, name, 'fees.tact');
        const source = readdirSync(join(Contracts, name)).includes('fees.tact') ? readFileSync(file, 'utf8') : '';
        return [...source.matchAll(/^const (\w+): Int = (\d+);/gm)]
            .map(([, figure, value]) => [figure, BigInt(value)] as const)
            .filter(([figure]) => !figure.startsWith('Max')); // limits of the chain, nothing that we use
    }),
);

/** Gas that is spent in one transaction whose price is known: no margin is needed. All other budgets travel. */
const SpentAtOnce = new Set(['BatchGas', 'BatchItemGas', 'FundFeesGas']);

/** The largest amounts that an offer can name: the widest cells. */
const Widest = 2n ** 120n - 1n;

const maximum = (values: bigint[]): bigint => values.reduce((most, one) => (one > most ? one : most));

function sentBy(transaction: Transaction): Message[] {
    return [...transaction.outMessages.values()];
}

/**
 * What the messages of a transaction carry below their root cells, as the chain has written them: a body that does not
 * fit beside the addresses gets a cell of its own.
 */
function carriedBy(transaction: Transaction): { cells: bigint; bits: bigint }[] {
    const messages = transaction.raw.refs[0].beginParse();
    messages.loadMaybeRef(); // the one that came in
    return messages.loadDict(Dictionary.Keys.Uint(15), Dictionary.Values.Cell()).values().map(({ refs }) => treeSize(refs));
}

/** Bits that cost as much: a cell has the price of 100 bits. */
function asBits({ cells, bits }: { cells: bigint; bits: bigint }): bigint {
    return 100n * cells + bits;
}

type Measured = Map<string, bigint>;

/** Runs everything that the figures stand for, each in its worst case, and reads what it took. */
async function measure(prices: PriceSet): Promise<{ figures: Measured; network: TestNetwork; session: TestSession }> {
    const figures: Measured = new Map();
    const record = (name: string, ...values: bigint[]) => figures.set(name, maximum([...values, figures.get(name) ?? 0n]));

    const network = await TestNetwork.create(prices);
    const { chain, registry, provider, settlement, owner, client, stranger } = network;
    const endpoint = 'x'.repeat(127);

    // Registration.
    const registered = await registry.send(owner.getSender(), { value: toNano('8') }, network.registration({ endpoint }));
    const [inRegistry, inProvider, inSettlement] = [registry, provider, settlement].map(({ address }) => transactionOf(registered, address));
    record('RegisterProviderGas', gasOf(inRegistry));
    record('InitialiseProviderGas', gasOf(inProvider));
    record('InitialiseSettlementGas', gasOf(inSettlement));
    for (const [transaction, name] of [[inRegistry, 'Register'], [inProvider, 'DeploySettlement']] as const) {
        const [{ cells, bits }] = carriedBy(transaction);
        expect(forwardFeesOf(transaction)).toBe(forwardFee(chain, cells, bits));
        record(`${name}Cells`, cells);
        record(`${name}Bits`, bits);
    }

    // Both proposals, unlike the parameters in force.
    const proposal = beginCell().store(ProviderRegistry.storeParameters({
        $$type: 'Parameters', ...TestParameters, registrationFee: 7n, treasury: accountOf(network.treasury.address),
    })).endCell();
    await registry.send(network.governance.getSender(), { value: toNano('0.1') }, { $$type: 'ProposeParameters', queryId: 0n, parameters: proposal });
    await registry.send(network.governance.getSender(), { value: toNano('0.1') }, {
        $$type: 'ProposeGovernance', queryId: 0n, governance: accountOf(client.address),
    });
    const registryStored = await storedBy(chain, registry.address);
    record('RegistryCells', registryStored.cells);
    record('RegistryBits', registryStored.bits);

    // 16 offers of the widest kind, attested.
    const offers: OfferTerms[] = Array.from({ length: 16 }, (_, i) => ({
        ...TestOffer, model: Buffer.alloc(32, 60 + i), maxCreditWindow: Widest, minDeposit: i === 0 ? TestOffer.minDeposit : Widest,
    }));
    for (const offer of offers) {
        await network.addOffer(offer);
    }
    const measurement = Buffer.alloc(32, 3);
    const admission = beginCell().storeUint(1, 256).storeUint(2, 256).storeUint(3, 32).storeUint(4, 256).storeUint(5, 32).endCell();
    await attest(network, { expiry: Start + Year * 3, tcbStatus: 7, measurement: hashToBigInt(measurement), admission });
    await sendAs(chain, stranger.address, provider.address, toNano('0.01')); // the chain counts what is stored when it is touched
    const providerStored = await storedBy(chain, provider.address);
    record('ProviderCells', providerStored.cells);
    record('ProviderBits', providerStored.bits);

    // A session with the widest terms.
    const widest = {
        creditWindow: Widest, leastTier: Tier.Tdx, acceptedTcbStatuses: 0x80, measurement, offer: offers[0], salt: 2n ** 64n - 1n,
    };
    const recordEscrow = async ({ address }: TestSession) => {
        const { cells, bits } = await storedBy(chain, address);
        record('EscrowCells', cells);
        record('EscrowBits', bits);
    };
    const session = await network.escrow(widest);
    await session.contract.send(stranger.getSender(), { value: toNano('0.05') }, null);
    await recordEscrow(session); // deployed, nothing agreed

    const silent = await network.escrow({ ...widest, provider: stranger.address });
    await silent.open(toNano('1'));
    await recordEscrow(silent); // the provider has not answered

    const opened = await session.open(toNano('1'));
    const escrowSteps = opened.transactions.filter(({ address }) => address === BigInt('0x' + session.address.hash.toString('hex')));
    expect(escrowSteps).toHaveLength(2);
    record('OpenSessionGas', gasOf(escrowSteps[0]));
    record('ConfirmSessionGas', gasOf(transactionOf(opened, provider.address)));
    record('SessionConfirmedGas', gasOf(escrowSteps[1]));
    const [asked] = carriedBy(escrowSteps[0]);
    expect(forwardFeesOf(escrowSteps[0])).toBe(forwardFee(chain, asked.cells, asked.bits));
    record('ConfirmSessionCells', asked.cells);
    record('ConfirmSessionBits', asked.bits);
    record('SessionConfirmedBits', ...carriedBy(transactionOf(opened, provider.address)).map(asBits));
    await recordEscrow(session); // open

    // Other answers than yes: each reason, and a provider that bounces the question.
    for (const changes of [
        { offer: TestOffer }, { leastTier: 9 }, { acceptedTcbStatuses: 1 }, { measurement: Buffer.alloc(32, 4) },
    ]) {
        const refusedSession = await network.escrow({ ...widest, ...changes, creditWindow: 0n });
        const refusal = await refusedSession.open(toNano('1'));
        const steps = refusal.transactions.filter(({ address }) => address === BigInt('0x' + refusedSession.address.hash.toString('hex')));
        expect(await network.exists(refusedSession.address)).toBe(false);
        record('ConfirmSessionGas', gasOf(transactionOf(refusal, provider.address)));
        record('SessionConfirmedGas', gasOf(steps[1]));
    }
    const unanswered = await chain.getContract(silent.address);
    const bounce = await unanswered.receiveMessage({
        info: {
            type: 'internal', ihrDisabled: true, bounce: false, bounced: true, src: stranger.address, dest: silent.address,
            value: { coins: toNano('0.01') }, ihrFee: 0n, forwardFee: 0n, createdLt: chain.lt, createdAt: 0,
        },
        body: bouncedConfirmation((await silent.data()).openedLt),
    });
    expect(exitCodeOf(bounce)).toBe(0);
    record('SessionConfirmedGas', gasOf(bounce));

    // Claims: by voucher, and by receipt with a voucher.
    const voucher = await session.voucher(toNano('0.2'));
    const claim = await tryAs(chain, stranger.address, session.address, toNano('0.1'), claimVoucher(voucher));
    const receipt = await session.receipt({
        sequence: 1, tokens: { prompt: 1_000_000n, cached: 0n, completion: 5_000_000n, reasoning: 0n }, amount: 320_000_000n, transcriptHash: 5n,
    });
    const receiptClaim = await tryAs(chain, settlement.address, session.address, toNano('0.1'), claimReceipt(receipt, voucher));
    for (const transaction of [claim, receiptClaim]) {
        expect(exitCodeOf(transaction)).toBe(0);
        record('ClaimGas', gasOf(transaction));
    }
    record('ReceivePayoutGas', gasOf(transactionOf(await session.claim(voucher), settlement.address)));
    await recordEscrow(session);

    // Closing: by the provider with a last voucher, by anyone after the window.
    const last = await session.voucher(toNano('0.3'));
    const finished = await tryAs(chain, settlement.address, session.address, toNano('0.1'), finishSession(last));
    expect(exitCodeOf(finished)).toBe(0);
    record('FinishGas', gasOf(finished));
    const rich = await chain.getContract(session.address);
    const poor = rich.balance;
    rich.balance = 2n ** 63n; // more coins than there are: the counters' message is as wide as it can be
    const widestFinish = await tryAs(chain, settlement.address, session.address, toNano('0.1'), finishSession(await session.voucher(2n ** 62n)));
    rich.balance = poor;
    expect(exitCodeOf(widestFinish)).toBe(0);
    const [, told] = carriedBy(widestFinish);
    record('SessionClosedCells', told.cells);
    record('SessionClosedBits', told.bits);
    const counted = await tryAs(chain, session.address, provider.address, toNano('0.1'),
        sessionClosed(2n ** 63n, network.sessionKey.publicKey, packTerms(session.agreement)));
    expect(exitCodeOf(counted)).toBe(0);
    record('SessionClosedGas', gasOf(counted));

    const closing = await network.escrow({ ...widest, salt: 5n });
    await closing.open(toNano('1'));
    await closing.startClose();
    await recordEscrow(closing); // closing
    chain.now! += closing.agreement.closeWindow;
    record('FinishGas', gasOf(transactionOf(await closing.finishClose(), closing.address)));

    // A settlement with eight beneficiaries whose accounts share as little as accounts can.
    const beneficiaries = Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Uint(16));
    for (let i = 0n; i < 8n; i++) {
        beneficiaries.set((i << 253n) | hashToBigInt(testKey(`beneficiary ${i}`).publicKey) >> 3n, 1250);
    }
    await settlement.send(owner.getSender(), { value: toNano('0.2') }, { $$type: 'SetBeneficiaries', queryId: 0n, beneficiaries });
    const settlementStored = await storedBy(chain, settlement.address);
    record('SettlementCells', settlementStored.cells);
    record('SettlementBits', settlementStored.bits);

    const distribution = await tryAs(chain, stranger.address, settlement.address, toNano('0.5'),
        beginCell().store(RewardSettlement.storeDistribute({ $$type: 'Distribute', queryId: 0n })).endCell());
    const release = await tryAs(chain, owner.address, settlement.address, toNano('0.5'),
        beginCell().store(RewardSettlement.storeReleaseFees({ $$type: 'ReleaseFees', queryId: 0n, amount: toNano('1') })).endCell());
    expect([distribution, release].map((one) => [exitCodeOf(one), one.outMessagesCount])).toEqual([[0, 11], [0, 9]]);
    [distribution, release].flatMap(carriedBy).forEach((carried) => expect(asBits(carried)).toBe(0n)); // as coins
    const funding = await tryAs(chain, stranger.address, settlement.address, toNano('0.5'),
        beginCell().store(RewardSettlement.storeFundFees({ $$type: 'FundFees', queryId: 0n })).endCell());
    expect(exitCodeOf(funding)).toBe(0);
    record('FundFeesGas', gasOf(funding));

    // Batches; the escrows need not exist.
    const widestVoucher: SignedVoucher = { cumulative: Widest, receiptHash: 0n, signature: Buffer.alloc(64, 1) };
    const widestReceipt: SignedReceipt = { ...receipt, signature: Buffer.alloc(64, 2) };
    const kinds: ((escrow: BatchItem['escrow'], n: number) => BatchItem)[] = [
        (escrow, n) => ({ kind: 'claimVoucher', escrow, voucher: { ...widestVoucher, receiptHash: BigInt(n) } }),
        (escrow, n) => ({ kind: 'claimReceipt', escrow, receipt: { ...widestReceipt, sequence: n }, voucher: { ...widestVoucher, receiptHash: BigInt(n) } }),
        (escrow, n) => ({ kind: 'finish', escrow, voucher: { ...widestVoucher, receiptHash: BigInt(n) } }),
    ];
    const batch = async (items: BatchItem[], distribute = false) => {
        const transaction = await tryExternal(chain, settlement.address, await network.batchBody(items, { distribute }));
        expect(exitCodeOf(transaction)).toBe(0);
        return transaction;
    };
    const base = gasOf(await batch([]));
    record('BatchGas', base);
    record('BatchHeadBits', BigInt((await network.batchBody([])).bits.length));
    record('DistributeGas', gasOf(distribution), gasOf(release), gasOf(await batch([], true)) - base);
    for (const item of kinds) {
        const count = 48; // what the settlement's float affords at either price
        const transaction = await batch(Array.from({ length: count }, (_, n) => item(addressOf(BigInt(n + 1) << 200n), n)));
        record('BatchItemGas', (gasOf(transaction) - base + BigInt(count) - 1n) / BigInt(count));
        const [{ cells, bits }] = carriedBy(transaction);
        record('BatchItemCells', cells);
        record('BatchItemBits', bits);
    }

    // Chains of several transactions whose budget travels with the first message.
    const synced = await settlement.send(stranger.getSender(), { value: toNano('0.5') }, { $$type: 'SyncFee', queryId: 0n });
    const chainOf = (transactions: Transaction[], ...addresses: { hash: Buffer }[]) =>
        transactions.filter(({ address }) => addresses.some(({ hash }) => address === BigInt('0x' + hash.toString('hex'))));
    const syncSteps = chainOf(synced.transactions, settlement.address, registry.address);
    expect(syncSteps.map(exitCodeOf)).toEqual([0, 0, 0]);
    record('SyncFeeGas', syncSteps.reduce((sum, one) => sum + gasOf(one), 0n));
    const syncCarried = syncSteps.flatMap(carriedBy).map(asBits);
    expect(syncCarried).toHaveLength(3);
    record('SyncFeeBits', (syncCarried.reduce((sum, bits) => sum + bits) + 2n) / 3n);

    const replaced = await sendAs(chain, owner.address, provider.address, toNano('0.5'), setKeys(testKey('next').publicKey, EncryptionKey));
    const keySteps = chainOf(replaced.transactions, provider.address, settlement.address);
    expect(keySteps.map(exitCodeOf)).toEqual([0, 0]);
    record('SetKeysGas', keySteps.reduce((sum, one) => sum + gasOf(one), 0n));
    record('SetKeysBits', ...carriedBy(keySteps[0]).map(asBits));

    // A catalog whose 64th measurement is added.
    const catalog = await TestCatalog.deployed(prices);
    await catalog.fill(Array.from({ length: 63 }, (_, n) => measurementOf(n)));
    const added = catalog.in(await catalog.add(measurementOf(63), catalog.curator, packNote(LongestNote)));
    expect(exitCodeOf(added)).toBe(0);
    record('AddMeasurementGas', gasOf(added));
    const catalogStored = await storedBy(catalog.chain, catalog.address);
    record('CatalogCells', catalogStored.cells);
    record('CatalogBits', catalogStored.bits);

    // Attestation: a nonce when there was one before, a quote by the attester with the older of two, and each refusal.
    await sendAs(chain, owner.address, provider.address, toNano('0.5'), setAttester(accountOf(stranger.address)));
    await askNonce(network);
    chain.now! += NonceRenewal;
    await askNonce(network);
    chain.now! += NonceRenewal - 1;
    const nonceAsked = await tryAs(chain, stranger.address, provider.address, toNano('0.5'), requestNonce());
    const { previous } = await provider.getAttestationNonce();
    record('RequestNonceGas', gasOf(nonceAsked));
    record('NonceIssuedBits', ...carriedBy(nonceAsked).map(asBits));
    const attested = await deliver(network, verdictOn(network, guest(previous), {
        payer: accountOf(stranger.address), expiry: 2n ** 32n - 1n, machineId: 2n ** 256n - 1n,
    }));
    expect(attested.outcome?.reason).toBe(0);
    record('QuoteAcceptedGas', gasOf(attested.transaction));
    record('SetWorkerKeyGas', gasOf(transactionOf(attested, settlement.address)));
    const [passedOn, outcome] = carriedBy(attested.transaction).map(asBits);
    record('SetWorkerKeyBits', passedOn);
    record('AttestationOutcomeBits', outcome);

    // A refresh, by somebody else than the parties.
    const refreshed = await network.openSession(toNano('1'), {
        ...widest, measurement: bigIntToHash(Verdict.measurement), acceptedTcbStatuses: 0xff, salt: 9n,
    });
    const refresh = await tryAs(chain, stranger.address, refreshed.address, toNano('0.5'), refreshAttestation());
    expect([exitCodeOf(refresh), refresh.outMessagesCount]).toEqual([0, 2]);
    record('RefreshAttestationGas', gasOf(refresh));

    // Jobs, whose terms are as large as they may be: an auction for the market, with ballast.
    await attestForJobs(network, { expiry: chain.now! + Year });
    const at = ({ address }: { address: Address }, result: { transactions: Transaction[] }) => {
        const steps = chainOf(result.transactions, address);
        expect(steps.map((step) => [exitCodeOf(step), actionCodeOf(step)])).toEqual(steps.map(() => [0, 0]));
        return steps;
    };
    const largest = (salt: bigint) => TestJob.create(network, {
        salt, awardDeadline: chain.now! + 3_600, specification: { ...TestAgreement.specification, inputUrl: 'x'.repeat(MaxStoreUrl) },
    }, ballasted);
    const recordJob = async ({ address }: TestJob) => {
        const { cells, bits } = await storedBy(chain, address);
        record('JobCells', cells);
        record('JobBits', bits);
    };
    const { ceiling, bidStep } = TestAgreement;
    for (const [index, ending] of (['delivered', 'declined', 'failed', 'notTaken'] as const).entries()) {
        const one = await largest(BigInt(index));
        const terms = treeSize([one.terms]);
        record('JobTermsCells', terms.cells);
        const posted = await one.post({ listed: true });
        const listing = chain.openContract(JobListing.JobListing.fromAddress(await registry.getListingAddress(BigInt(index))));
        const [[post, jobListed], [listJob], [initialised]] = [at(one, posted), at(registry, posted), at(listing, posted)];
        record('PostJobGas', gasOf(post));
        record('ListJobGas', gasOf(listJob));
        record('InitialiseListingGas', gasOf(initialised));
        record('JobListedGas', gasOf(jobListed));
        const [asked] = carriedBy(post);
        const [deployment, answer] = carriedBy(listJob);
        record('JobClosedBits', asked.bits); // the terms travel to the registry as they travel to the provider
        record('ListingDeployCells', deployment.cells);
        record('ListingDeployBits', deployment.bits);
        record('JobListedBits', asBits(answer));
        const listed = await storedBy(chain, listing.address);
        record('ListingCells', listed.cells);
        record('ListingBits', listed.bits);
        const bid = await one.bid(ceiling);
        const outbid = await one.bid(ceiling - bidStep);
        for (const [[relay], [relayed]] of [bid, outbid].map((result) => [at(provider, result), at(one, result)])) {
            record('RelayBidGas', gasOf(relay));
            record('RelayedBidBits', asBits(carriedBy(relay)[0]));
            record('RelayedBidGas', gasOf(relayed));
            expect(carriedBy(relayed).map(asBits)).toEqual(carriedBy(relayed).map(() => 0n)); // as coins
        }
        // A listing that comes after the bids, as a slow registry's would.
        record('JobListedGas', gasOf(await tryAs(chain, registry.address, one.address, toNano('0.1'), beginCell().store(JobEscrow.storeJobListed({
            $$type: 'JobListed', openedLt: await one.openedLt(), listing: accountOf(listing.address),
        })).endCell())));
        if (ending !== 'notTaken') {
            const [award] = at(one, await one.award());
            record('AwardJobGas', gasOf(award));
            expect(carriedBy(award).map(asBits)).toEqual([0n]);
        }
        await recordJob(one);
        if (ending === 'failed' || ending === 'notTaken') {
            chain.now! += ending === 'failed' ? one.agreement.deliveryTime : 3_600;
        }
        if (ending === 'delivered') { // more coins than there are: what tells of them is as wide as it can be
            const state = JobEscrow.loadJobState((await dataOf(chain, one.address))!.beginParse());
            const dearest = { ...JobEscrow.loadBid(state.bid.clone()), amount: 2n ** 63n };
            await setDataOf(chain, one.address, beginCell().store(JobEscrow.storeJobState({
                ...state, bid: beginCell().store(JobEscrow.storeBid(dearest)).asSlice(),
            })).endCell());
            (await chain.getContract(one.address)).balance += dearest.amount;
        }
        const ended = ending === 'delivered' ? await one.deliver({ key: GuestKey.secretKey })
            : ending === 'declined' ? await one.deliver({ key: GuestKey.secretKey, delivery: { outcome: JobOutcome.Declined, outputRoot: 1n } })
                : await one.expire();
        const [last] = at(one, ended);
        record(ending === 'delivered' || ending === 'declined' ? 'RelayedDeliveryGas' : 'ExpireJobGas', gasOf(last));
        expect(await network.exists(one.address)).toBe(false);
        if (ending === 'delivered' || ending === 'declined') {
            const [relay] = at(provider, ended);
            record('RelayDeliveryGas', gasOf(relay));
            const [{ cells, bits }] = carriedBy(relay);
            record('RelayedDeliveryCells', cells);
            record('RelayedDeliveryBits', bits);
        }
        if (ending !== 'notTaken') {
            record('JobClosedGas', gasOf(at(provider, ended).at(-1)!));
        }
        // Beside the coins: the terms for the provider's counters, and the outcome for the list.
        carriedBy(last).forEach((carried, n) => {
            const { body } = sentBy(last)[n];
            const operation = body.bits.length < 32 ? 0 : body.beginParse().preloadUint(32);
            if (operation === JobEscrow.JobEscrow.opcodes.JobClosed) {
                expect(carried.cells).toBe(terms.cells);
                record('JobClosedBits', carried.bits);
            } else if (operation === JobEscrow.JobEscrow.opcodes.ListingOutcome) {
                record('ListingOutcomeBits', asBits(carried));
            } else {
                expect(asBits(carried)).toBe(0n); // as coins
            }
        });
        record('ListingOutcomeGas', gasOf(at(listing, ended)[0]));
    }

    // A distribution that tells the provider of the fee.
    const counting = await tryAs(chain, settlement.address, provider.address, toNano('0.1'),
        beginCell().store(Provider.storeFeesRemitted({ $$type: 'FeesRemitted', amount: 2n ** 63n })).endCell());
    expect(exitCodeOf(counting)).toBe(0);
    record('FeesRemittedGas', gasOf(counting));

    return { figures, network, session };
}

describe.each<PriceSet>(['old', '2026'])('The figures of fees.tact at the prices of %s', (prices) => {
    let figures: Measured;
    let network: TestNetwork;
    let session: TestSession;

    beforeAll(async () => {
        ({ figures, network, session } = await measure(prices));
        if (process.env.SHOW_FIGURES) {
            console.log([...Figures].map(([name, value]) => `${name.padEnd(24)} ${value} for ${figures.get(name)}`).join('\n'));
        }
    });

    const named = (pattern: RegExp) => [...Figures.keys()].filter((name) => pattern.test(name));

    it('are all measured, but for the times that reserves are made for', () => {
        expect([...Figures.keys()].filter((name) => !figures.has(name))).toEqual([
            'JobReserveSeconds', 'ListingSeconds', 'ReserveSeconds',
        ]);
        expect(Figures.get('ReserveSeconds')).toBe(BigInt(Year));
        expect(Figures.get('ListingSeconds')).toBe(BigInt(Year));
        expect(Figures.get('JobReserveSeconds')).toBe(BigInt(3 * (MaxAwardTime + MaxDeliveryTime)));
    });

    it.each(named(/Gas$/))('%s is enough, with half as much again where prices can rise on the way, and at most twice what is used', (name) => {
        const [budget, used] = [Figures.get(name)!, figures.get(name)!];
        expect(used).toBeGreaterThan(0n);
        expect(budget * 2n).toBeGreaterThanOrEqual(SpentAtOnce.has(name) ? used * 2n : used * 3n);
        expect(budget).toBeLessThanOrEqual(used * 2n);
    });

    const stored = named(/^(Escrow|Provider|Settlement|Registry|Catalog|Job|Listing)(Cells|Bits)$/);

    it.each(stored)('%s covers what is stored in the worst case, and little more', (name) => {
        const [reserved, needed] = [Figures.get(name)!, figures.get(name)!];
        const most = /^(Escrow|Job)/.test(name) ? 110n : 150n; // per cent: an escrow's reserve is a client's coins
        expect(reserved).toBeGreaterThanOrEqual(needed);
        expect(reserved * 100n).toBeLessThanOrEqual(needed * most);
    });

    it.each(named(/(Cells|Bits)$/).filter((name) => !stored.includes(name)))('%s covers what is carried, and at most twice as much', (name) => {
        const [budget, used] = [Figures.get(name)!, figures.get(name)!];
        expect(budget).toBeGreaterThanOrEqual(used);
        expect(budget).toBeLessThanOrEqual(used * 2n);
    });

    it('lock less than 0.02 coins in an open session', async () => {
        expect((await session.data()).reserve).toBe(escrowReserve(pricesOf(network.chain)));
        expect(escrowReserve(pricesOf(network.chain))).toBeLessThan(toNano('0.02'));
    });

    it('reserve at least a year of the rent that an open session pays, and at most a tenth more', async () => {
        const start = network.chain.snapshot();
        await sendAs(network.chain, network.stranger.address, session.address, 1n, undefined, { bounce: false });
        network.chain.now! += Year;
        const { paid, due } = rentOf(transactionOf(
            await sendAs(network.chain, network.stranger.address, session.address, 1n, undefined, { bounce: false }), session.address,
        ));
        await network.chain.loadFrom(start);
        expect(due).toBe(0n);
        expect(escrowReserve(pricesOf(network.chain))).toBeGreaterThanOrEqual(paid);
        expect(escrowReserve(pricesOf(network.chain)) * 10n).toBeLessThanOrEqual(paid * 11n);
        if (prices === '2026') {
            expect(paid).toBeLessThanOrEqual(toNano('0.0025'));
        }
    });
});

describe.each<PriceSet>(['old', '2026'])('What an operation asks for at the prices of %s', (prices) => {
    let network: TestNetwork;
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready(prices);
        start = network.chain.snapshot();
    });
    beforeEach(() => network.chain.loadFrom(start));

    /** nanoTON that transactions burnt or paid for carrying messages, wallets' own apart. */
    const spent = (transactions: Transaction[]) => transactions
        .filter(({ description }) => description.type === 'generic')
        .reduce((sum, one) => sum + gasFeesOf(one) + forwardFeesOf(one), 0n);
    const ours = (transactions: Transaction[], ...contracts: { address: { hash: Buffer } }[]) =>
        transactions.filter(({ address }) => contracts.some((one) => address === BigInt('0x' + one.address.hash.toString('hex'))));

    function expectCloseTo(asked: bigint, used: bigint): void {
        expect(used).toBeGreaterThan(0n);
        expect(asked).toBeGreaterThanOrEqual(used);
        expect(asked).toBeLessThanOrEqual(used * 2n);
    }

    it('covers a registration beside deposit, fee and reserve, and at most twice of that', async () => {
        const { registry, provider, settlement } = network;
        const { reserve } = await settlement.getSettlementData();
        const asked = registrationValue(pricesOf(network.chain), TestParameters)
            - TestParameters.registrationDeposit - TestParameters.registrationFee - reserve;
        const fresh = await TestNetwork.create(prices);
        const { transactions } = await fresh.register();
        expectCloseTo(asked, spent(ours(transactions, registry, provider, settlement)));
    });

    it('is the registry\'s own figure for a registration', async () => {
        expect(registrationValue(pricesOf(network.chain), TestParameters)).toBe(await network.registry.getRegistrationValue());
    });

    it('covers new keys, and at most twice of that', async () => {
        const { transactions } = await sendAs(network.chain, network.owner.address, network.provider.address, toNano('0.2'),
            setKeys(testKey('next').publicKey, EncryptionKey));
        expectCloseTo(setKeysValue(pricesOf(network.chain)), spent(ours(transactions, network.provider, network.settlement)));
    });

    it('covers asking for the fee, and at most twice of that', async () => {
        const { transactions } = await network.settlement.send(network.stranger.getSender(), { value: toNano('0.2') }, { $$type: 'SyncFee', queryId: 0n });
        expectCloseTo(syncFeeValue(pricesOf(network.chain)), spent(ours(transactions, network.settlement, network.registry)));
    });

    it('gives back a deposit of which every nanoTON can be claimed once the session is open', async () => {
        const session = await network.escrow();
        await session.open(openSessionValue(pricesOf(network.chain), TestOffer.minDeposit));
        const { reserve } = await session.data();
        expect(await network.balance(session.address) - reserve).toBeGreaterThanOrEqual(TestOffer.minDeposit);
    });

    it('ends a session without a nanoTON of the client\'s deposit', async () => {
        const session = await network.openSession();
        await session.startClose();
        network.chain.now! += session.agreement.closeWindow;
        await sendAs(network.chain, network.stranger.address, session.address, 1n, undefined, { bounce: false }); // the rent is paid
        const held = await network.balance(session.address);
        const result = await session.finishClose(network.stranger, finishValue(pricesOf(network.chain)));
        const back = sentBy(transactionOf(result, session.address)).find(({ info }) => info.dest?.toString() === network.client.address.toString());
        const refund = back?.info.type === 'internal' ? back.info.value.coins + forwardFee(network.chain) : 0n;
        expect(refund).toBeGreaterThanOrEqual(held);
    });

    const voucher = (n: number): SignedVoucher => ({ cumulative: Widest, receiptHash: BigInt(n), signature: Buffer.alloc(64, n) });
    const someReceipt = (n: number): SignedReceipt => ({
        sequence: n, tokens: { prompt: 1n, cached: 1n, completion: 1n, reasoning: 1n }, amount: 1n, transcriptHash: BigInt(n), signature: Buffer.alloc(64, n),
    });
    const items: [string, (escrow: BatchItem['escrow'], n: number) => BatchItem][] = [
        ['voucher claims', (escrow, n) => ({ kind: 'claimVoucher', escrow, voucher: voucher(n) })],
        ['receipt claims', (escrow, n) => ({ kind: 'claimReceipt', escrow, receipt: someReceipt(n), voucher: voucher(n) })],
        ['finishes', (escrow, n) => ({ kind: 'finish', escrow, voucher: voucher(n) })],
    ];
    const batches = items.flatMap(([name, make]) => [0, 1, 50].map((count) => [count, name, make] as const));

    it.each(batches)('threat: gas drain through external messages: a batch of %i %s takes from the float what it takes from the account, and not a nanoTON of the earnings', async (count, _, make) => {
        const list = Array.from({ length: count }, (__, n) => make(addressOf(BigInt(n + 1) << 200n), n));
        const contract = await network.chain.getContract(network.settlement.address);
        const before = contract.snapshot();
        const body = await network.batchBody(list);
        const transaction = await contract.receiveMessage({ info: { type: 'external-in', dest: network.settlement.address, importFee: 0n }, body });
        expect([exitCodeOf(transaction), transaction.outMessagesCount]).toEqual([0, count]);
        contract.loadFrom(before);
        const { taken, fromFloat: counted, fromCap } = await effectOf(body);
        expect(counted).toBeGreaterThanOrEqual(taken);
        expect(counted).toBeLessThanOrEqual(taken * 2n);
        expect(fromCap).toBe(counted);
        expect(counted).toBeLessThanOrEqual(batchCost(pricesOf(network.chain), count, false));
    });

    /** What an accepted batch took from the account, and what was counted; a refusal takes nothing. */
    async function effectOf(body: Cell, init?: StateInit): Promise<{ taken: bigint; fromFloat: bigint; fromCap: bigint }> {
        const { address } = network.settlement;
        const before = { balance: await network.balance(address), ...await network.settlement.getSettlementData() };
        const contract = await network.chain.getContract(address);
        await contract.receiveMessage({ info: { type: 'external-in', dest: address, importFee: 0n }, body, init }).catch(() => undefined);
        const after = { balance: await network.balance(address), ...await network.settlement.getSettlementData() };
        return {
            taken: before.balance - after.balance,
            fromFloat: before.feeFloat - after.feeFloat,
            fromCap: after.spentToday - before.spentToday,
        };
    }

    it('threat: gas drain through external messages: ballast that the worker key attaches to a batch is paid by the float and counted against the daily cap', async () => {
        const ballast = (depth: number, n = 0): Cell => depth === 0
            ? beginCell().storeUint(n, 1000).endCell()
            : beginCell().storeUint(n, 1000).storeRef(ballast(depth - 1, 2 * n + 1)).storeRef(ballast(depth - 1, 2 * n + 2)).endCell();
        const { taken, fromFloat, fromCap } = await effectOf(await network.batchBody([], { items: ballast(7) }));
        expect(fromFloat).toBeGreaterThanOrEqual(taken);
        expect(fromCap).toBeGreaterThanOrEqual(taken);
    });
});
