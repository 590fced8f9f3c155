import { QuoteSource } from '../tdx/quote-source';
import type { TestPlatform, TestQuoteOptions } from './platform';

/** Quotes of a machine that does not exist: for development networks, whose verifier trusts the test authority. */
export class TestQuoteSource implements QuoteSource {
    constructor(
        private readonly platform: TestPlatform,
        private readonly options: TestQuoteOptions = {},
    ) {}

    async quote(reportData: Buffer): Promise<Buffer> {
        return this.platform.quote({ ...this.options, td: { ...this.options.td, reportData } });
    }
}
