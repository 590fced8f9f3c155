import { Address, toNano } from '@ton/core';
import { z } from 'zod';

/** How a field is written on the command line and in the environment, where everything is text. */
export type FieldKind = 'text' | 'number' | 'switch';

/** What a person needs to know of a field; the table of worker/README.md has the same. */
export type FieldInfo = {
    kind: FieldKind;
    /** Completes "expected ...". */
    expected: string;
    /** As it stands in JSON. */
    example: unknown;
    meaning: string;
    /** Further names in the environment. */
    aliases?: readonly string[];
    /** Never shown. */
    secret?: boolean;
};

const infos = new WeakMap<z.ZodType, FieldInfo>();

/** Attaches what a person needs to know to a field. */
export function field<T extends z.ZodType>(schema: T, info: FieldInfo): T {
    infos.set(schema, info);
    return schema;
}

export function infoOf(schema: z.ZodType): FieldInfo {
    const info = infos.get(schema);
    if (info === undefined) {
        throw new Error('A field of the configuration has no description.');
    }
    return info;
}

/** An amount in TON as a decimal text, because JSON's numbers are not exact; becomes nanoTON. */
export const tonAmount = z
    .string()
    .regex(/^\d{1,12}(\.\d{1,9})?$/)
    .transform((text) => toNano(text));

/** Any form of an address. */
export const address = z.string().transform((text, context): Address => {
    try {
        const parsed = Address.parse(text);
        if (parsed.workChain === 0) {
            return parsed;
        }
    } catch {
        // Falls through to the issue.
    }
    context.addIssue({ code: 'custom', message: 'no basechain address' });
    return z.NEVER;
});

/** Hexadecimal SHA-256. */
export const sha256 = z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .transform((text) => text.toLowerCase());
