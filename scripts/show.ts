import { NetworkProvider } from '@ton/blueprint';
import { Address, Cell } from '@ton/core';
import {
    addressOf,
    bigIntToHash,
    CertificateRole,
    CoinSymbol,
    JobEscrow,
    JobListing,
    JobOutcome,
    JobStatus,
    offerId,
    Provider,
    ProviderRegistry,
    ProviderStatus,
    RewardSettlement,
    SessionEscrow,
    SessionStatus,
    tcbStatusName,
    Tier,
    unpackCollateral,
    unpackEndpoint,
    unpackJobTerms,
    unpackOffer,
    unpackTerms,
} from '@ton-compute/contracts';
import { address, integer, showCoins } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';
import { describeRoot, isProduction, openVerifier, showRoot } from '../tools/scripts/verifier';

const SecondsPerDay = 86_400;
/** How many providers of a registry are listed unless `limit` says otherwise. */
const ListedProviders = 20n;

/** Shows a registry, verifier, provider, settlement, session, job or listing: whatever contract lives at the address. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['address', 'limit']);
    const target = await script.inputs.read(
        'address',
        'Address of a registry, verifier, provider, settlement, session, job or listing',
        address,
    );
    const kind = await script.require(
        target,
        'ProviderRegistry',
        'AttestationVerifier',
        'Provider',
        'SessionEscrow',
        'RewardSettlement',
        'JobEscrow',
        'JobListing',
    );
    const page = new Page(script);
    script.address('address', kind, target);
    script.value('contract', kind);
    page.coins('balance', await script.balance(target));
    switch (kind) {
        case 'ProviderRegistry':
            await page.registry(target);
            break;
        case 'AttestationVerifier':
            await page.verifier(target);
            break;
        case 'Provider':
            await page.provider(target);
            break;
        case 'RewardSettlement':
            await page.settlement(target);
            break;
        case 'SessionEscrow':
            await page.session(target);
            break;
        case 'JobEscrow':
            await page.job(target);
            break;
        case 'JobListing':
            await page.listing(target);
    }
    script.finish();
}

/** The listings, one for each contract. */
class Page {
    constructor(private readonly script: Script) {}

    async registry(target: Address): Promise<void> {
        const registry = this.script.provider.open(ProviderRegistry.ProviderRegistry.fromAddress(target));
        const data = await registry.getRegistryData();
        this.coins('rent reserve', data.reserve);
        this.runway(await registry.getRunway());
        this.account('governance', data.governance);
        this.account('treasury', data.treasury);
        this.coins('registration deposit', data.registrationDeposit);
        this.coins('registration fee', data.registrationFee);
        this.coins('registration value', await registry.getRegistrationValue());
        this.coins('listing fee', data.listingFee);
        this.text('protocol fee', `${Number(data.feeBasisPoints) / 100} %`);
        if (data.verifier === 0n) {
            this.text('verifier', 'none: only tier open');
        } else {
            this.account('verifier', data.verifier);
            await this.root(addressOf(data.verifier));
        }
        if (data.proposedParameters !== null) {
            const proposed = ProviderRegistry.loadParameters(data.proposedParameters.beginParse());
            this.text('proposed', `fee ${Number(proposed.feeBasisPoints) / 100} %, from ${time(data.parametersFrom)}`);
        }
        if (data.proposedGovernance !== 0n) {
            this.account('next governance', data.proposedGovernance);
            this.script.line('', `from ${time(data.governanceFrom)}`);
        }
        const limit = this.script.inputs.optional('limit', integer(0n, 1_000n)) ?? ListedProviders;
        this.text('jobs listed', data.jobCount.toString());
        this.text('providers', data.providerCount.toString());
        for (let index = 0n; index < data.providerCount && index < limit; index++) {
            this.script.line(`  ${index}`, this.script.format(await registry.getProviderAddress(index)));
        }
    }

    async provider(target: Address): Promise<void> {
        const provider = this.script.provider.open(Provider.Provider.fromAddress(target));
        const data = await provider.getProviderData();
        this.coins('rent reserve', data.reserve);
        this.runway(await provider.getRunway());
        this.text('status', Number(data.status) === ProviderStatus.Active ? 'active' : 'retired');
        this.text('number', `${data.index} of ${this.script.format(addressOf(data.registry))}`);
        this.account('owner', data.owner);
        this.account('settlement', data.settlement);
        this.text('endpoint', unpackEndpoint(data.endpoint));
        this.text('tier', tierOf(data.tier, data.attestedUntil));
        await this.attestation(data);
        this.text('worker key', bigIntToHash(data.workerKey).toString('hex'));
        this.text('encryption key', bigIntToHash(data.encryptionKey).toString('hex'));
        this.text('sessions ended', data.sessions.toString());
        this.text('jobs delivered', data.jobsDelivered.toString());
        this.text('jobs failed', data.jobsFailed.toString());
        this.text('jobs declined', data.jobsDeclined.toString());
        this.coins('volume', data.volume);
        this.coins('fees remitted', data.feesRemitted);
        this.text('attested time', `${Math.floor(Number(data.attestedSeconds) / 3_600)} hours`, data.attestedSeconds.toString());
        const offers = data.offers.values().map(unpackOffer);
        this.script.value('offers', offers.map((offer) => offerId(offer).toString('hex')).join(','));
        for (const offer of offers) {
            this.script.line('offer', offerId(offer).toString('hex'));
            this.script.line('  model', offer.model.toString('hex'));
            for (const [name, price] of Object.entries(offer.prices)) {
                this.script.line(`  ${name}`, `${amount(price)} for 1,000,000 tokens`);
            }
            this.script.line('  credit window', amount(offer.maxCreditWindow));
            this.script.line('  least deposit', amount(offer.minDeposit));
        }
    }

    /** What the chain says of the machine that a provider runs on. */
    private async attestation(data: Provider.ProviderData): Promise<void> {
        if (data.verifier === 0n) {
            return;
        }
        this.account('verifier', data.verifier);
        await this.root(addressOf(data.verifier));
        this.text('attester', data.attester === 0n ? 'none but the owner' : this.script.format(addressOf(data.attester)));
        if (data.attestedUntil === 0n) {
            this.text('attestation', 'none yet');
            return;
        }
        const hex = (value: bigint) => bigIntToHash(value).toString('hex');
        this.text('attested until', time(data.attestedUntil), data.attestedUntil.toString());
        this.text('tcb status', tcbStatusName(Number(data.tcbStatus)));
        this.text('evaluation', data.evaluationNumber.toString());
        this.text('measurement', hex(data.measurement));
        this.text('machine id', hex(data.machineId));
        this.text('gpu evidence', data.evidenceHash === 0n ? 'none' : `SHA-256 ${hex(data.evidenceHash)}`);
    }

    /** Says loudly when attestation in this network rests on another root than Intel's. */
    private async root(verifier: Address): Promise<void> {
        const { root } = await openVerifier(this.script, verifier);
        this.text('root', describeRoot(root), isProduction(root) ? 'production' : 'test');
    }

    async verifier(target: Address): Promise<void> {
        const { verifier, root } = await openVerifier(this.script, target);
        this.text('root', describeRoot(root), isProduction(root) ? 'production' : 'test');
        this.text('root key', showRoot(root));
        this.runway(await verifier.getRunway());
        const known = unpackCollateral(await verifier.getCollateral());
        const roles = new Map<number, string>(
            Object.entries(CertificateRole).map(([name, role]) => [role, CertificateNames[name] ?? name]),
        );
        for (const [role, { notAfter }] of known.certificates) {
            this.script.line('certificate', `${roles.get(role)}, until ${time(notAfter)}`);
        }
        for (const [role, { thisUpdate, nextUpdate, revoked }] of known.crls) {
            const dates = `of ${time(thisUpdate)}, until ${time(nextUpdate)}`;
            this.script.line('revocation list', `${roles.get(role)}, ${revoked} entries, ${dates}`);
        }
        for (const [fmspc, { expiry, evaluationNumber }] of known.tcbInfos) {
            this.script.line('TCB info', `${fmspc}, evaluation ${evaluationNumber}, until ${time(expiry)}`);
        }
        if (known.qeIdentity !== null) {
            const { expiry, evaluationNumber } = known.qeIdentity;
            this.script.line('QE identity', `evaluation ${evaluationNumber}, until ${time(expiry)}`);
        }
        this.text('models', [...known.tcbInfos.keys()].join(',') || 'none');
    }

    async settlement(target: Address): Promise<void> {
        const settlement = this.script.provider.open(RewardSettlement.RewardSettlement.fromAddress(target));
        const data = await settlement.getSettlementData();
        this.coins('rent reserve', data.reserve);
        this.runway(await settlement.getRunway());
        this.account('provider', data.provider);
        this.account('owner', data.owner);
        this.coins('earnings', await settlement.getEarnings());
        this.coins('fee float', data.feeFloat);
        this.text('spent today', `${amount(data.spentToday)} of ${amount(data.dailyCap)}`);
        this.text('float refill', `${Number(data.floatBasisPoints) / 100} % of net earnings`);
        this.text(
            'protocol fee',
            data.treasury === 0n ? 'not known: settle with action=syncFee' : `${Number(data.feeBasisPoints) / 100} %`,
        );
        this.text('next batch', data.sequence.toString());
        this.text('worker key', bigIntToHash(data.workerKey).toString('hex'));
        for (const [account, share] of data.beneficiaries) {
            this.script.line('beneficiary', `${this.script.format(addressOf(account))} ${Number(share) / 100} %`);
        }
    }

    async session(target: Address): Promise<void> {
        const session = this.script.provider.open(SessionEscrow.SessionEscrow.fromAddress(target));
        const data = await session.getSessionData();
        const { provider, client, closeWindow, creditWindow, offer, leastTier } = unpackTerms(data.terms);
        const left = (await this.script.balance(target)) - data.reserve;
        this.coins('rent reserve', data.reserve);
        this.runway(await session.getRunway());
        this.text('status', nameOf(SessionStatus, data.status));
        if (data.deadline !== 0n) {
            this.text('until', time(data.deadline));
        }
        this.coins('deposit left', left > 0n ? left : 0n);
        this.coins('claimed', data.claimed);
        this.text('client', this.script.format(client));
        this.text('provider', this.script.format(provider));
        this.account('settlement', data.settlement);
        this.text('least tier', leastTier === Tier.Tdx ? 'tdx' : 'open');
        this.text('tier', tierOf(data.attestedUntil === 0n ? 0n : 1n, data.attestedUntil));
        this.coins('credit window', creditWindow);
        this.text('close window', `${closeWindow} seconds`);
        this.text('offer', offerId(offer).toString('hex'));
        this.text('session key', bigIntToHash(data.sessionKey).toString('hex'));
        this.text('opened', `logical time ${data.openedLt}`);
    }

    async job(target: Address): Promise<void> {
        const job = this.script.provider.open(JobEscrow.JobEscrow.fromAddress(target));
        const data = await job.getJobData();
        this.coins('rent reserve', data.reserve);
        this.runway(await job.getRunway());
        this.text('status', nameOf(JobStatus, data.status));
        this.jobTerms(data.terms);
        if (data.provider !== 0n) {
            this.account('best bid of', data.provider);
            this.coins('best bid', data.amount);
            this.account('bond of', data.payer);
            this.account('settlement', data.settlement);
        }
        if (data.deliveryDeadline !== 0n) {
            this.text('delivery until', time(data.deliveryDeadline));
        }
        if (data.listing !== 0n) {
            this.account('listing', data.listing);
        }
        this.text('posted', `logical time ${data.openedLt}`);
    }

    async listing(target: Address): Promise<void> {
        const listing = this.script.provider.open(JobListing.JobListing.fromAddress(target));
        const data = await listing.getListingData();
        this.text('number', `${data.index} of ${this.script.format(addressOf(data.registry))}`);
        this.account('job', data.job);
        this.text('outcome', Number(data.outcome) === JobOutcome.None ? 'not over' : nameOf(JobOutcome, data.outcome));
        if (data.provider !== 0n) {
            this.account('awarded to', data.provider);
        }
        this.coins('paid', data.paid);
        this.jobTerms(data.terms);
    }

    private jobTerms(cell: Cell): void {
        const terms = unpackJobTerms(cell);
        const hex = (hash: Buffer | null) => hash?.toString('hex') ?? 'any';
        const statuses = Array.from({ length: 8 }, (_, status) => status)
            .filter((status) => (terms.acceptedTcbStatuses >> status) & 1)
            .map(tcbStatusName);
        this.text('client', this.script.format(terms.client));
        this.text('open to', terms.provider === null ? 'every provider' : this.script.format(terms.provider));
        this.text('tcb statuses', statuses.join(','));
        this.text('image', hex(terms.measurement));
        this.text('model', hex(terms.model));
        this.text('items', terms.itemCount.toString());
        this.text('input root', hex(terms.inputRoot));
        this.text('input', terms.specification.inputUrl);
        this.coins('ceiling', terms.ceiling);
        this.coins('bond', terms.bond);
        this.coins('bid step', terms.bidStep);
        this.text('award until', time(terms.awardDeadline));
        this.text('delivery time', `${terms.deliveryTime} seconds`);
    }

    coins(label: string, nano: bigint): void {
        this.text(label, amount(nano), nano.toString());
    }

    /** Prints a line; the result has the same under the label, in camel case, amounts in nanoTON. */
    private text(label: string, shown: string, exact = shown): void {
        this.script.line(label, shown);
        this.script.value(
            label.replace(/ (\w)/g, (_, letter: string) => letter.toUpperCase()),
            exact,
        );
    }

    private account(label: string, account: bigint): void {
        this.text(label, this.script.format(addressOf(account)));
    }

    private runway(seconds: bigint): void {
        this.text('rent lasts', `${Math.floor(Number(seconds) / SecondsPerDay).toLocaleString('en-US')} days`);
    }
}

const amount = (nano: bigint): string => `${showCoins(nano)} ${CoinSymbol}`;
const CertificateNames: Readonly<Record<string, string>> = {
    root: 'root',
    platformCa: 'PCK platform CA',
    processorCa: 'PCK processor CA',
    tcbSigner: 'TCB signer',
};
const time = (seconds: bigint | number): string => new Date(Number(seconds) * 1000).toISOString();
/** @returns the name of a status or an outcome as a person reads it: `not taken`. */
const nameOf = (names: Readonly<Record<string, number>>, value: bigint): string => {
    const found = Object.entries(names).find(([, known]) => known === Number(value));
    return found === undefined ? value.toString() : found[0].replace(/(?!^)[A-Z]/g, ' $&').toLowerCase();
};
const tierOf = (tier: bigint, until: bigint): string =>
    Number(tier) === Tier.Tdx ? `tdx until ${time(until)}` : 'open: no enclave';
