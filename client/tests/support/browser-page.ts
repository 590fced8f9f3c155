import '../../src/browser/buffer';
import OpenAI from 'openai';
import { fixedBytes } from '../../../protocol/tests/support/fixed-exchange';
import type * as Sdk from '../../src/browser';

declare global {
    interface Window {
        sdk: typeof Sdk;
        OpenAI: typeof OpenAI;
        fixedBytes: typeof fixedBytes;
        /** Leads to the wallet outside of the page. */
        askWallet: Sdk.ExternalWallet['send'];
        /** What a test keeps between two steps in one page. */
        client: Sdk.Client;
        session: Sdk.Session;
    }
}

/** The bundle as it ships, and not another copy of its sources. */
const bundle = '/browser.js';

void (async () => {
    const sdk = (await import(bundle)) as typeof Sdk;
    Object.assign(window, { sdk, OpenAI, fixedBytes });
    document.title = 'ready';
})();
