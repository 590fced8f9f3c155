import { readFileSync } from 'node:fs';
import { parseCollateral, parseQuote, collateralMessages } from '@ton-compute/attestation';
import { IntelRootKey } from '../../wrappers';
import { sha256 } from './quotes';
import { contractGas, Verification } from './verification';
it('gas', async () => {
    const f = '/work/shared/vectors/';
    for (const [q, c, now] of [['tdx_quote_v4_b0c06f.dat', 'collateral_b0c06f_2025-06.json', Date.UTC(2025,5,20)/1000], ['tdx_quote_v4_90c06f.dat','collateral_90c06f_2026-02.json', Date.UTC(2026,1,19)/1000], ['tdx_quote_v5_90c06f.dat','collateral_90c06f_2026-02.json', Date.UTC(2026,1,19)/1000]] as const) {
        const v = await Verification.create(IntelRootKey, now);
        const out: any[] = [q];
        for (const m of collateralMessages(parseCollateral(readFileSync(f + c).toString()))) { const r = await v.send(m.body); out.push([m.name, contractGas(v, r)]); }
        const quote = parseQuote(readFileSync(f + q));
        out.push(['first', contractGas(v, await v.register(quote, {}))]);
        out.push(['known', contractGas(v, await v.verify(quote, { knownQeReport: sha256(quote.qeReport) }))]);
        out.push(['with report', contractGas(v, await v.verify(quote))]);
        console.log(out);
    }
});
