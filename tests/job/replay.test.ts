import { Address, beginCell, Cell, toNano } from '@ton/core';
import { sign } from '@ton/crypto';
import { BlockchainSnapshot } from '@ton/sandbox';
import {
    accountOf, batchPayload, deliveryPayload, Errors, hashToBigInt, JobOutcome, NoTokens, packDelivery, receiptPayload, requestPayload,
    signPayload, SigningDomain, voucherPayload,
} from '../../wrappers';
import { bidAnswers, JobErrors, jobNetwork, messagesOf, Returned, TestAgreement, TestJob } from '../support/jobs';
import { GlobalId, testKey, TestNetwork } from '../support/network';
import { attempt, refused } from '../session/outcome';
import * as message from './messages';

const Delivered = { outcome: JobOutcome.Delivered, outputRoot: 5n };
const { ceiling: Ceiling } = TestAgreement;

let network: TestNetwork;
let job: TestJob;
let awarded: BlockchainSnapshot;

beforeAll(async () => {
    network = await jobNetwork();
    job = await TestJob.awarded(network);
    awarded = network.chain.snapshot();
});
beforeEach(() => network.chain.loadFrom(awarded));

const domain = async (): Promise<SigningDomain> => ({ globalId: GlobalId, contract: job.address, openedLt: (await job.data()).openedLt });
const present = (delivery: Cell) => attempt(network.chain, network.provider.address, job.address,
    message.relayedDelivery(hashToBigInt(network.workerKey.publicKey), delivery), toNano('0.2'));
const signedBy = (payload: Cell, key = network.workerKey) => packDelivery(Delivered, signPayload(payload, key.secretKey));
const expectWorthless = async (delivery: Cell) => expect(await present(delivery)).toEqual(refused(Errors.BadSignature));

describe('threat: delivery replay', () => {
    it('the delivery of this job, for comparison, is good', async () => {
        expect((await present(signedBy(deliveryPayload(await domain(), Delivered)))).exitCode).toBe(0);
    });

    it('other network: any other global id', async () => {
        for (const globalId of [-3, 0, 239, -240]) {
            await expectWorthless(signedBy(deliveryPayload({ ...(await domain()), globalId }, Delivered)));
        }
    });

    it('other contract: another job of the same client, won by the same provider', async () => {
        const other = await TestJob.awarded(network, { salt: 2n });
        await expectWorthless(await other.delivery());
        await expectWorthless(signedBy(deliveryPayload({ ...(await domain()), contract: other.address }, Delivered)));
        await expectWorthless(signedBy(deliveryPayload({ ...(await domain()), contract: network.settlement.address }, Delivered)));
    });

    it('the same account hash in another workchain', async () => {
        await expectWorthless(signedBy(deliveryPayload({ ...(await domain()), contract: new Address(-1, job.address.hash) }, Delivered)));
    });

    it('other life: the same terms, posted again in the same second, bid for and awarded to the same provider', async () => {
        const old = await job.delivery();
        const { openedLt } = await job.data();
        await job.deliver();
        await job.post();
        await job.bid(Ceiling);
        await job.award();
        expect((await job.data()).openedLt).toBeGreaterThan(openedLt);
        await expectWorthless(old);
        expect(messagesOf(await job.deliver(), job.address)).toContainEqual(expect.objectContaining({ to: network.settlement.address.toString(), value: Ceiling }));
    });

    it('a life that never was: openedLt 0, one less, one more', async () => {
        const { openedLt } = await domain();
        for (const other of [0n, openedLt - 1n, openedLt + 1n]) {
            await expectWorthless(signedBy(deliveryPayload({ ...(await domain()), openedLt: other }, Delivered)));
        }
    });

    it('other key: the client\'s, another worker\'s, and one that claims to be the worker\'s in the message', async () => {
        for (const key of [network.sessionKey, testKey('another worker')]) {
            await expectWorthless(signedBy(deliveryPayload(await domain(), Delivered), key));
        }
    });

    it('twice: the second one finds no job', async () => {
        const delivery = await job.delivery();
        await job.deliver();
        const result = await network.provider.send(network.attester.getSender(), { value: toNano('0.2') }, {
            $$type: 'RelayDelivery', job: accountOf(job.address), delivery,
        });
        expect(result.transactions.at(-1)!.address).toBe(accountOf(network.attester.address));
        expect(await network.balance(job.address)).toBe(0n);
    });

    it('other kind of payload: what the worker signs for sessions and settlements is no delivery', async () => {
        const base = await domain();
        const payloads = [
            voucherPayload(base, { cumulative: 1n, receiptHash: 5n }),
            receiptPayload(base, { sequence: 1, tokens: NoTokens, amount: 5n, transcriptHash: 5n }),
            batchPayload(base, { sequence: 0, validUntil: 0, count: 0, distribute: false, items: Cell.EMPTY }),
            requestPayload(base, { validUntil: 0, requestDigest: 5n }),
        ];
        for (const payload of payloads) {
            await expectWorthless(signedBy(payload));
        }
    });

    it('other tag: the very bits of a delivery behind the tag of another payload', async () => {
        const bits = deliveryPayload(await domain(), Delivered).beginParse().skip(32);
        for (const tag of [0x56434852, 0x52435054, 0x42544348, 0x52515354, 0x41545354, 0, 0x44454c57]) {
            const payload = beginCell().storeUint(tag, 32).storeSlice(bits.clone()).endCell();
            await expectWorthless(packDelivery(Delivered, sign(payload.hash(), network.workerKey.secretKey)));
        }
    });

    it('what was signed cannot be changed: outcome, root, any bit of the signature', async () => {
        const signature = signPayload(deliveryPayload(await domain(), Delivered), network.workerKey.secretKey);
        await expectWorthless(packDelivery({ ...Delivered, outcome: JobOutcome.Declined }, signature));
        await expectWorthless(packDelivery({ ...Delivered, outputRoot: 6n }, signature));
        for (const bit of [0, 255, 256, 511]) {
            const other = Buffer.from(signature);
            other[bit >> 3] ^= 1 << (bit & 7);
            await expectWorthless(packDelivery(Delivered, other));
        }
    });

    it('a refusal cannot be made a delivery, nor the other way round', async () => {
        const declined = { outcome: JobOutcome.Declined, outputRoot: 5n };
        const signature = signPayload(deliveryPayload(await domain(), declined), network.workerKey.secretKey);
        await expectWorthless(packDelivery(Delivered, signature));
    });

    it('threat: low-order keys: R = identity, S = 0 is no signature under a worker key', async () => {
        const constant = Buffer.alloc(64);
        constant[0] = 1;
        for (let outputRoot = 0n; outputRoot < 8n; outputRoot++) {
            await expectWorthless(packDelivery({ ...Delivered, outputRoot }, constant));
        }
    });
});

describe('threat: messages of an earlier life of the same terms', () => {
    it('a bid, an award and a listing of it have no effect in the next one', async () => {
        const { openedLt } = await job.data();
        await job.deliver();
        await job.post();
        expect(bidAnswers(await job.bid(Ceiling, { openedLt }), job.address)).toMatchObject([{ reason: Returned.Late }]);
        const award = message.awardJob(network.provider.address, Ceiling);
        expect(await attempt(network.chain, network.client.address, job.address, award, toNano('0.1'))).toEqual(refused(JobErrors.OtherBid));
        expect(await attempt(network.chain, network.registry.address, job.address, message.jobListed(openedLt), toNano('0.1')))
            .toEqual(refused(JobErrors.OtherJobLife));
    });

    it('the next one begins with nothing of the last', async () => {
        await job.deliver();
        await job.post();
        expect(await job.data()).toMatchObject({ status: 1n, deliveryDeadline: 0n, listing: 0n, provider: 0n, amount: 0n, payer: 0n, sealedKey: null });
    });

    it('after the award deadline the same terms cannot be posted again', async () => {
        await job.deliver();
        network.chain.now = TestAgreement.awardDeadline;
        expect((await attempt(network.chain, network.client.address, job.address, message.postJob(), toNano('5'), job.deployment.init)).exitCode)
            .toBe(JobErrors.BadDeadline);
    });
});
