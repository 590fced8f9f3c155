import { parseCollateral, parseQuote } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { Verification } from './verification';


const authority = new TestAuthority();

describe('Large collateral', () => {
    it('a revocation list of 1,000 entries is built in several messages', async () => {
        const verification = await Verification.create(authority.rootKey, authority.now);
        const revoked = Array.from({ length: 1000 }, (_, index) => 10n ** 46n + BigInt(index) * 977n ** 13n);
        const collateral = parseCollateral(authority.collateral({ pckCrl: { revoked } as never }));
        const { collateralMessages } = jest.requireActual('@ton-compute/attestation');
        for (const message of collateralMessages(collateral)) {
            const result = await verification.send(message.body);
            console.log(message.name, result.transactions.slice(1).map((t: any) => [t.description.computePhase.exitCode, t.description.computePhase.gasUsed, t.description.actionPhase?.resultCode, t.inMessage.body.beginParse().remainingBits >= 32 ? t.inMessage.body.beginParse().preloadUint(32).toString(16) : '']));
        }
        const builder = await verification.crlBuilder(collateral.pckCrl);
        for (let i = 0; i < 20; i++) {
            const { beginCell, toNano } = jest.requireActual('@ton/core');
            const result = await verification.send(beginCell().storeUint(0x5eaa0021, 32).storeUint(0, 64).endCell(), toNano('3'), builder);
            console.log(result.transactions.slice(1).map((t: any) => [t.description.computePhase.exitCode ?? t.description.computePhase.reason, t.description.computePhase.gasUsed, t.description.actionPhase?.resultCode, t.inMessage.body.beginParse().remainingBits >= 32 ? t.inMessage.body.beginParse().preloadUint(32).toString(16) : '']));
            if (result.transactions.length > 3) break;
        }
    });
    it('TCB info of 20 levels', async () => {
        const verification = await Verification.create(authority.rootKey, authority.now);
        const info = JSON.parse(authority.tcbInfo().text);
        console.log(info.tcbLevels.length);
        const level = (n: number) => ({ sgx: [n, n, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], pceSvn: n, tdx: [5, 0, n, ...Array(13).fill(0)], status: n === 30 ? 'UpToDate' : 'OutOfDate', advisories: n === 30 ? undefined : ['INTEL-SA-01036', 'INTEL-SA-01099', 'INTEL-SA-00837', 'INTEL-SA-00960', 'INTEL-SA-00586'] });
        const collateral = parseCollateral(authority.collateral({ tcbInfo: { levels: Array.from({ length: 20 }, (_, i) => level(30 - i)) as never } }));
        const { collateralMessages } = jest.requireActual('@ton-compute/attestation');
        for (const message of collateralMessages(collateral)) {
            const result = await verification.send(message.body);
            console.log(message.name, result.transactions.slice(1).map((t: any) => [t.description.computePhase.exitCode, t.description.computePhase.gasUsed, t.description.actionPhase?.resultCode]));
        }
    });
    it('verdict', async () => {
        const verification = await Verification.create(authority.rootKey, authority.now);
        await verification.learn(parseCollateral(authority.collateral()));
        const quote = parseQuote(authority.platform().quote());
        const t = performance.now();
        const r = await verification.register(quote, {});
        console.log(verification.verdictIn(r), performance.now() - t);
        console.log(await verification.verdictOn(quote));
    });
});
