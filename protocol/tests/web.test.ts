import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Address } from '@ton/core';
import { generateEncryptionKeyPair, openRequest } from '../src';
import { AnswerChunk, sealRequestWeb, SealingContext } from '../src/web';

const context: SealingContext = {
    globalId: -3,
    provider: new Address(0, Buffer.alloc(32, 1)),
    escrow: new Address(0, Buffer.alloc(32, 2)),
    model: Buffer.alloc(32, 3),
};
const target = { context, method: 'POST', path: '/v1/chat/completions' };

async function exchange() {
    const keyPair = await generateEncryptionKeyPair();
    const body = Buffer.from('{"a":1}');
    const { bytes, opener } = await sealRequestWeb({ ...target, encryptionKey: keyPair.publicKey, body });
    const opened = await openRequest({ ...target, keyPair, bytes });
    expect(Buffer.from(opened.body)).toEqual(body);
    return { opener, sealer: opened.sealer };
}

describe('sealing in a browser', () => {
    it('opens what a worker seals, however it is cut', async () => {
        const { opener, sealer } = await exchange();
        const stream = Buffer.concat([sealer.head(200, {}), sealer.body(Buffer.from('Hello')), sealer.end()]);
        const chunks: AnswerChunk[] = [];
        for (let start = 0; start < stream.length; start += 100) {
            chunks.push(...(await opener.push(stream.subarray(start, start + 100))));
        }
        opener.finish();
        expect(chunks.map(({ kind }) => kind)).toEqual(['head', 'body', 'end']);
        expect(chunks[1]).toEqual({ kind: 'body', bytes: Buffer.from('Hello') });
    });

    it('refuses what was altered, and sees what was cut', async () => {
        const altered = await exchange();
        const head = Buffer.from(altered.sealer.head(200, {}));
        head[head.length - 1] ^= 1;
        await expect(altered.opener.push(head)).rejects.toMatchObject({ code: 'altered' });
        const cut = await exchange();
        await cut.opener.push(cut.sealer.head(200, {}));
        expect(() => cut.opener.finish()).toThrow(expect.objectContaining({ code: 'truncated' }));
        const added = await exchange();
        const whole = [added.sealer.head(200, {}), added.sealer.end(), Buffer.alloc(1)];
        await expect(added.opener.push(Buffer.concat(whole))).rejects.toMatchObject({ code: 'altered' });
    });

    it('needs nothing of Node', () => {
        const imported = new Set<string>();
        const follow = (path: string) => {
            for (const [, name] of readFileSync(`${path}.ts`, 'utf8').matchAll(/from '([^']+)'/g)) {
                const local = name.startsWith('.');
                const found = local ? join(dirname(path), name) : name;
                if (!imported.has(found)) {
                    imported.add(found);
                    if (local) {
                        follow(found);
                    }
                }
            }
        };
        follow(join(__dirname, '../src/web'));
        const outside = [...imported].filter((name) => !name.startsWith('/')).sort();
        expect(outside).toEqual(['@hpke/core', '@hpke/dhkem-x25519', '@ton-compute/contracts', '@ton/core']);
    });
});
