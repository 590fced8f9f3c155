import { z } from 'zod';

import { WireError } from '../wire-error';

/**
 * Parses and checks a JSON body. No message quotes a value: it may go to a log of the client's, and the body is secret.
 * @throws {WireError} invalid_request, with the field at fault as `param`.
 */
export function parseBody<T extends z.ZodType>(body: Uint8Array, schema: T): z.output<T> {
    const result = schema.safeParse(parseJson(body));
    if (result.success) {
        return result.data;
    }
    const issue = result.error.issues[0];
    const param = fieldName(issue.path);
    const what = param === '' ? 'The body' : `'${param}'`;
    throw new WireError('invalid_request', `${what} is not valid: ${issue.message.replace(/^Invalid input: /, '')}.`, {
        param: param || null,
    });
}

function parseJson(body: Uint8Array): unknown {
    try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    } catch {
        // The parser's own message would quote the body.
        throw new WireError('invalid_request', 'The body is not valid JSON in UTF-8.');
    }
}

function fieldName(path: readonly PropertyKey[]): string {
    return path.reduce<string>((name, part) => {
        if (typeof part === 'number') {
            return `${name}[${part}]`;
        }
        return name === '' ? String(part) : `${name}.${String(part)}`;
    }, '');
}
