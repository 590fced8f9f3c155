import { collateralMessages, parseCollateral } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { CertificateRole, unpackCollateral } from '../../wrappers';
import { Random } from './mutate';
import { Verification } from './verification';

// jssha in the wallet library is slow: the native one gives the same hashes.

// Dates as the contracts read them, UTCTime in certificates and lists and ISO 8601 in texts, are JavaScript's.

const Seed = Number(process.env.ATTESTATION_SEED ?? 1_970);
const Samples = Number(process.env.ATTESTATION_DATES ?? 6);
const at = (year: number, month: number, day: number, ...time: number[]) => Date.UTC(year, month - 1, day, ...time) / 1000;
const First = at(2000, 1, 1);
/** UTCTime ends with 2049; a text's dates end where 32 bits do. */
const LastUtcTime = at(2049, 12, 31, 23, 59, 59);
const LastIso = at(2106, 1, 1);

/** Ends and beginnings of months, leap days, and the seconds beside them. */
function dateIn(random: Random, from: number, to: number): number {
    for (;;) {
        const year = 2000 + random.below(106);
        const month = random.pick([1, 2, 3, 1 + random.below(12)]);
        const edge = at(year, month, 1) - random.pick([0, 1, 86_400, 86_401]);
        const date = random.chance(2) ? edge : from + random.below(to - from + 1);
        if (date >= from && date <= to) {
            return date;
        }
    }
}

describe('Dates', () => {
    it(`are read as JavaScript reads them: ${Samples} random networks (seed ${Seed})`, async () => {
        const random = new Random(Seed, 0);
        for (let index = 0; index < Samples; index += 1) {
            const now = dateIn(random, at(2019, 1, 1), LastUtcTime - 86_400 * 40);
            const authority = new TestAuthority({ now });
            const past = () => dateIn(random, First, now);
            const future = (last: number) => dateIn(random, now, last);
            const dates = {
                list: { thisUpdate: past(), nextUpdate: future(LastUtcTime) },
                signer: { notBefore: past(), notAfter: future(LastUtcTime) },
                tcbInfo: { issueDate: past(), nextUpdate: future(LastIso) },
                qeIdentity: { issueDate: past(), nextUpdate: future(LastIso) },
            };
            const collateral = parseCollateral(
                authority.collateral({
                    rootCrl: dates.list,
                    tcbSigner: authority.issue('Intel SGX TCB Signing', 'TCB signer', authority.root, dates.signer),
                    tcbInfo: dates.tcbInfo,
                    qeIdentity: dates.qeIdentity,
                }),
            );
            const verification = await Verification.create(authority.rootKey, now);
            for (const message of collateralMessages(collateral).filter(({ kind }) => !kind.startsWith('pck'))) {
                await verification.learnMessage(message);
            }
            const known = unpackCollateral(await verification.verifier.getCollateral());
            const text = ({ issueDate, nextUpdate }: typeof dates.tcbInfo) => ({
                issueDate, expiry: Math.min(nextUpdate, dates.signer.notAfter),
            });
            expect({ index, ...known.crls.get(CertificateRole.root) }).toMatchObject({ index, ...dates.list });
            expect({ index, ...known.certificates.get(CertificateRole.tcbSigner) }).toMatchObject({ index, ...dates.signer });
            expect({ index, ...known.tcbInfos.get('F0F0F0000000') }).toMatchObject({ index, ...text(dates.tcbInfo) });
            expect({ index, ...known.qeIdentity }).toMatchObject({ index, ...text(dates.qeIdentity) });
        }
    });
});
