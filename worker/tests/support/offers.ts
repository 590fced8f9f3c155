import { toNano } from '@ton/core';
import { OfferTerms } from '@ton-compute/contracts';

import { TinyModelHash } from '../engine/tiny-model';

/** 1,000 nanoTON a token of the answer, 100 a token of the prompt: round numbers to calculate with. */
export const TestOffer: OfferTerms = {
    model: Buffer.from(TinyModelHash, 'hex'),
    prices: { prompt: 100_000_000n, cached: 50_000_000n, completion: 1_000_000_000n, reasoning: 1_000_000_000n },
    maxCreditWindow: toNano('0.5'),
    minDeposit: toNano('0.1'),
};

/** 0.1 TON a token of the answer, 0.01 TON a token of the prompt: a few tokens are worth a claim. */
export const DearOffer: OfferTerms = {
    ...TestOffer,
    prices: { prompt: 10n ** 13n, cached: 10n ** 13n, completion: 10n ** 14n, reasoning: 10n ** 14n },
};
