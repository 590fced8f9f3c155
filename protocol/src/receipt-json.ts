import { SignedReceipt, Tokens } from '@ton-compute/contracts';
import { parseAmount, parseBase64, parseDecimal, parseHash, parseInteger, parseObject } from './parsing';

/** A signed receipt as it travels in JSON. */
export type ReceiptJson = {
    sequence: number;
    /** Cumulative tokens, decimal strings. */
    tokens: { prompt: string; cached: string; completion: string; reasoning: string };
    /** nanoTON, decimal string. */
    amount: string;
    /** 64 hexadecimal digits. */
    transcriptHash: string;
    /** base64 of 64 bytes. */
    signature: string;
};

const TokenLimit = 1n << 48n;

export function receiptToJson(receipt: SignedReceipt): ReceiptJson {
    const { prompt, cached, completion, reasoning } = receipt.tokens;
    return {
        sequence: receipt.sequence,
        tokens: {
            prompt: prompt.toString(),
            cached: cached.toString(),
            completion: completion.toString(),
            reasoning: reasoning.toString(),
        },
        amount: receipt.amount.toString(),
        transcriptHash: receipt.transcriptHash.toString(16).padStart(64, '0'),
        signature: receipt.signature.toString('base64'),
    };
}

/** @throws WireFormatError when a field is missing or out of its range. The signature is not checked here. */
export function receiptFromJson(value: unknown): SignedReceipt {
    const json = parseObject(value, 'receipt');
    const tokens = parseObject(json.tokens, 'receipt.tokens');
    const count = (name: keyof Tokens) => parseDecimal(tokens[name], `receipt.tokens.${name}`, TokenLimit);
    return {
        sequence: parseInteger(json.sequence, 'receipt.sequence', 1, 0xffff_ffff),
        tokens: {
            prompt: count('prompt'),
            cached: count('cached'),
            completion: count('completion'),
            reasoning: count('reasoning'),
        },
        amount: parseAmount(json.amount, 'receipt.amount'),
        transcriptHash: BigInt('0x' + parseHash(json.transcriptHash, 'receipt.transcriptHash').toString('hex')),
        signature: parseBase64(json.signature, 'receipt.signature', 64),
    };
}
