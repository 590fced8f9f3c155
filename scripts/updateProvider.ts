import { NetworkProvider } from '@ton/blueprint';
import { OpenedContract } from '@ton/core';
import {
    accountOf,
    addressOf,
    hashToBigInt,
    isAcceptableEd25519Key,
    isAcceptableX25519Key,
    minimumValues,
    OfferTerms,
    offerId,
    Operation,
    packEndpoint,
    packOffer,
    Provider,
    unpackEndpoint,
} from '@ton-compute/contracts';
import { ScriptError } from '../tools/scripts/error';
import { address, addressOrNone, bytes32, coins, publicKey, url } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

const Names = [
    'provider',
    'addModel',
    'promptPrice',
    'cachedPrice',
    'completionPrice',
    'reasoningPrice',
    'maxCreditWindow',
    'minDeposit',
    'removeOffer',
    'workerKey',
    'encryptionKey',
    'endpoint',
    'attester',
    'change',
];

/** Changes what a provider shows: offers, keys, endpoint, attester. Several inputs make several changes, one message each. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, Names);
    const target = await script.inputs.read('provider', 'Address of the provider', address);
    await script.require(target, 'Provider');
    const update = new Update(script, provider.open(Provider.Provider.fromAddress(target)));
    script.requireWallet(addressOf((await update.contract.getProviderData()).owner), 'the owner');

    const wanted = await changes(script);
    if (wanted.includes('offer')) {
        await update.offers();
    }
    if (wanted.includes('keys')) {
        await update.keys();
    }
    if (wanted.includes('endpoint')) {
        await update.endpoint();
    }
    if (wanted.includes('attester')) {
        await update.attester();
    }
    script.address('provider', 'Provider', target);
    script.finish();
}

const Changes = ['offer', 'keys', 'endpoint', 'attester'] as const;
type Change = (typeof Changes)[number];

/** What `change` says; else what the given inputs belong to; else a person may choose. */
async function changes({ inputs }: Script): Promise<readonly Change[]> {
    const given = (...names: string[]) => names.some((name) => inputs.optional(name, (text) => text) !== undefined);
    const belongs = {
        offer: given('addModel', 'removeOffer'),
        keys: given('workerKey', 'encryptionKey'),
        endpoint: given('endpoint'),
        attester: given('attester'),
    };
    const implied = Changes.filter((change) => belongs[change]);
    if (given('change') || (implied.length === 0 && inputs.interactive)) {
        return [await inputs.choose('change', 'What to change', Changes, (change) => change)];
    }
    if (implied.length === 0) {
        throw new ScriptError(
            'Nothing to change: give ADD_MODEL or REMOVE_OFFER, WORKER_KEY and ENCRYPTION_KEY, ENDPOINT, or ATTESTER.',
        );
    }
    return implied;
}

class Update {
    constructor(
        private readonly script: Script,
        readonly contract: OpenedContract<Provider.Provider>,
    ) {}

    /** Adds an offer, removes one, or both in one message, which is a change of price. */
    async offers(): Promise<void> {
        const remove = this.script.inputs.optional('removeOffer', bytes32);
        const { offers } = await this.contract.getProviderData();
        if (remove !== undefined && !offers.has(hashToBigInt(remove))) {
            const known = [...offers.keys()].map((key) => key.toString(16).padStart(64, '0')).join(', ');
            throw new ScriptError(
                `REMOVE_OFFER is ${remove.toString('hex')}: the provider has no such offer. It has ${known || 'none'}.`,
            );
        }
        const onlyRemove = remove !== undefined && this.script.inputs.optional('addModel', bytes32) === undefined;
        const add = onlyRemove ? null : await this.offer();
        await this.send('update the offers', 'updateOffers', {
            $$type: 'UpdateOffers',
            queryId: 0n,
            remove: remove === undefined ? null : hashToBigInt(remove),
            add: add === null ? null : packOffer(add),
        });
        if (add !== null) {
            this.script.value('offer', offerId(add).toString('hex'));
            this.script.line('offer', offerId(add).toString('hex'));
        }
    }

    async keys(): Promise<void> {
        const { inputs } = this.script;
        const workerKey = await inputs.read(
            'workerKey',
            'Worker key, Ed25519, hexadecimal',
            publicKey(isAcceptableEd25519Key),
        );
        const encryptionKey = await inputs.read(
            'encryptionKey',
            'Encryption key, X25519, hexadecimal',
            publicKey(isAcceptableX25519Key),
        );
        const data = await this.contract.getProviderData();
        if (data.workerKey === hashToBigInt(workerKey) && data.encryptionKey === hashToBigInt(encryptionKey)) {
            this.script.write('The keys are these already.');
            return;
        }
        await this.send('set the keys', 'setKeys', {
            $$type: 'SetKeys',
            queryId: 0n,
            workerKey: hashToBigInt(workerKey),
            encryptionKey: hashToBigInt(encryptionKey),
        });
    }

    async endpoint(): Promise<void> {
        const endpoint = await this.script.inputs.read('endpoint', 'URL at which clients reach the worker', url);
        if (unpackEndpoint((await this.contract.getProviderData()).endpoint) === endpoint) {
            this.script.write('The endpoint is this already.');
            return;
        }
        await this.send('set the endpoint', 'setEndpoint', {
            $$type: 'SetEndpoint',
            queryId: 0n,
            endpoint: packEndpoint(endpoint),
        });
    }

    /** Names who may send quotes for this provider beside its owner: the gas wallet of the worker. */
    async attester(): Promise<void> {
        const attester = await this.script.inputs.read(
            'attester',
            "Address of the worker's gas wallet, which may send quotes; none for nobody but the owner",
            addressOrNone,
        );
        const account = attester === null ? 0n : accountOf(attester);
        if ((await this.contract.getProviderData()).attester === account) {
            this.script.write('The attester is this already.');
            return;
        }
        await this.send('name the attester', 'setAttester', { $$type: 'SetAttester', queryId: 0n, attester: account });
    }

    private async offer(): Promise<OfferTerms> {
        const { inputs } = this.script;
        const price = (name: string, what: string, fallback?: string) =>
            inputs.read(name, `Price of 1,000,000 ${what} tokens, coins`, coins, fallback);
        const model = await inputs.read('addModel', 'SHA-256 of the weights file, hexadecimal', bytes32);
        const prices = {
            prompt: await price('promptPrice', 'prompt'),
            cached: await price('cachedPrice', 'cached prompt'),
            completion: await price('completionPrice', 'completion'),
            reasoning: await price('reasoningPrice', 'reasoning'),
        };
        const maxCreditWindow = await inputs.read(
            'maxCreditWindow',
            'Largest credit window that is granted, coins',
            coins,
            '0.1',
        );
        const minDeposit = await inputs.read('minDeposit', 'Least deposit of a session, coins', coins, '0.5');
        return { model, prices, maxCreditWindow, minDeposit };
    }

    private async send(
        what: string,
        operation: Operation,
        message: Parameters<typeof this.contract.send>[2],
    ): Promise<void> {
        const value = minimumValues(await this.script.prices())[operation];
        const { provider } = this.script;
        await this.script.spend(what, this.contract.address, value, () =>
            this.contract.send(provider.sender(), { value }, message),
        );
    }
}
