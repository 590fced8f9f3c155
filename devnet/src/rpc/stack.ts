import { Cell, TupleItem } from '@ton/core';
import { RpcError } from '../errors';
import { singleRoot } from './params';

/** Deeper nesting than any sensible argument has, and far from exhausting this program's own stack. */
const MAX_DEPTH = 100;

const UNPROCESSABLE = 422;

const FORMS =
    '["num", "-5"], ["cell", BASE64], ["slice", BASE64], ["builder", BASE64], ["tuple", [...]], ["list", [...]] or ' +
    '["null"], where BASE64 is a bag of cells or {"bytes": BASE64}';

const INT257_MIN = -(1n << 256n);
const INT257_MAX = (1n << 256n) - 1n;

type TaggedObject = Readonly<Record<string, unknown>>;

/**
 * Arguments of a get-method from all notations in use: the pairs of toncenter and TonClient (`["num", "0x1"]`,
 * `["tvm.Cell", BASE64]`), the objects of tonlib (`{"@type": "tvm.stackEntryNumber", ...}`) and those of toncenter v3
 * (`{"type": "num", "value": "0x1"}`).
 *
 * @throws RpcError when an argument cannot be read
 */
export function decodeStack(stack: readonly unknown[]): TupleItem[] {
    return stack.map((entry, index) => decodeEntry(entry, `argument ${index}`, 0));
}

/**
 * Result of a get-method as toncenter shows it. Slices and builders become cells, null an empty list, and a chain of
 * pairs that ends in null a list, as tonlib does; NaN is the number `NaN`.
 */
export function encodeStack(stack: readonly TupleItem[]): unknown[] {
    return stack.map((item) => {
        switch (item.type) {
            case 'int':
                return ['num', toHex(item.value)];
            case 'nan':
                return ['num', 'NaN'];
            case 'cell':
            case 'slice':
            case 'builder':
                return ['cell', { bytes: toBase64(item.cell) }];
            case 'null':
            case 'tuple': {
                const list = asList(item);
                return list
                    ? ['list', { '@type': 'tvm.list', elements: list.map(encodeElement) }]
                    : ['tuple', { '@type': 'tvm.tuple', elements: tupleItems(item).map(encodeElement) }];
            }
        }
    });
}

function encodeElement(item: TupleItem): unknown {
    switch (item.type) {
        case 'int':
        case 'nan': {
            const number = item.type === 'int' ? item.value.toString() : 'NaN';
            return { '@type': 'tvm.stackEntryNumber', number: { '@type': 'tvm.numberDecimal', number } };
        }
        case 'cell':
            return { '@type': 'tvm.stackEntryCell', cell: { '@type': 'tvm.cell', bytes: toBase64(item.cell) } };
        case 'slice':
        case 'builder':
            return { '@type': 'tvm.stackEntrySlice', slice: { '@type': 'tvm.slice', bytes: toBase64(item.cell) } };
        case 'null':
        case 'tuple': {
            const list = asList(item);
            return list
                ? { '@type': 'tvm.stackEntryList', list: { '@type': 'tvm.list', elements: list.map(encodeElement) } }
                : {
                      '@type': 'tvm.stackEntryTuple',
                      tuple: { '@type': 'tvm.tuple', elements: tupleItems(item).map(encodeElement) },
                  };
        }
    }
}

/** The elements when the item is null or pairs that end in null, as Lisp builds lists; else undefined. */
function asList(item: TupleItem): TupleItem[] | undefined {
    const elements: TupleItem[] = [];
    let rest = item;
    while (rest.type === 'tuple' && rest.items.length === 2) {
        elements.push(rest.items[0]);
        rest = rest.items[1];
    }
    return rest.type === 'null' ? elements : undefined;
}

function tupleItems(item: TupleItem): TupleItem[] {
    return item.type === 'tuple' ? item.items : [];
}

function decodeEntry(entry: unknown, where: string, depth: number): TupleItem {
    if (depth > MAX_DEPTH) {
        throw new RpcError(UNPROCESSABLE, `runGetMethod: ${where} is nested more than ${MAX_DEPTH} levels deep`);
    }
    if (Array.isArray(entry) && typeof entry[0] === 'string' && entry.length <= 2) {
        return decodeValue(entry[0], entry[1], where, depth);
    }
    if (typeof entry === 'object' && entry !== null && !Array.isArray(entry)) {
        const object = entry as TaggedObject;
        const tag = object['@type'];
        if (typeof tag === 'string') {
            // tonlib names the field like the type: {"@type": "tvm.stackEntryCell", "cell": ...}
            const kind = tag.replace(/^tvm\.stackEntry/, '').toLowerCase();
            return decodeValue(kind, object[kind], where, depth);
        }
        if (typeof object.type === 'string') {
            return decodeValue(object.type, object.value, where, depth);
        }
    }
    throw notUnderstood(where);
}

function decodeValue(type: string, value: unknown, where: string, depth: number): TupleItem {
    switch (type.replace(/^tvm\./i, '').toLowerCase()) {
        case 'num':
        case 'int':
        case 'number': {
            const number = unwrap(value, 'number');
            return number === 'NaN' ? { type: 'nan' } : { type: 'int', value: decodeInteger(number, where) };
        }
        case 'cell':
            return { type: 'cell', cell: decodeCell(value, where) };
        case 'slice':
            return { type: 'slice', cell: decodeCell(value, where) };
        case 'builder':
            return { type: 'builder', cell: decodeCell(value, where) };
        case 'null':
            return { type: 'null' };
        case 'tuple':
            return { type: 'tuple', items: decodeElements(value, where, depth) };
        case 'list':
            return decodeElements(value, where, depth).reduceRight<TupleItem>(
                (tail, head) => ({ type: 'tuple', items: [head, tail] }),
                { type: 'null' },
            );
        default:
            throw notUnderstood(where);
    }
}

function decodeElements(value: unknown, where: string, depth: number): TupleItem[] {
    const elements = unwrap(value, 'elements');
    if (!Array.isArray(elements) || elements.length > 255) {
        throw new RpcError(UNPROCESSABLE, `runGetMethod: ${where} needs a list of at most 255 elements`);
    }
    return elements.map((element, index) => decodeEntry(element, `${where}[${index}]`, depth + 1));
}

function decodeInteger(value: unknown, where: string): bigint {
    let number: bigint | undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
        number = BigInt(value);
    } else if (typeof value === 'string' && /^\s*[+-]?(\d+|0x[0-9a-f]+)\s*$/i.test(value)) {
        const text = value.trim().replace(/^[+-]/, '');
        number = value.trim().startsWith('-') ? -BigInt(text) : BigInt(text);
    }
    if (number === undefined || number < INT257_MIN || number > INT257_MAX) {
        throw new RpcError(
            UNPROCESSABLE,
            `runGetMethod: ${where} is not a 257-bit integer; expected a text such as "-5" or "0x1f"`,
        );
    }
    return number;
}

function decodeCell(value: unknown, where: string): Cell {
    const bytes = unwrap(value, 'bytes');
    try {
        if (typeof bytes === 'string') {
            return singleRoot(Buffer.from(bytes, 'base64'));
        }
    } catch {
        // Told below, together with values that are no text.
    }
    throw new RpcError(UNPROCESSABLE, `runGetMethod: ${where} is not a bag of cells in base64 with one root`);
}

function unwrap(value: unknown, field: string): unknown {
    return typeof value === 'object' && value !== null && field in value ? (value as TaggedObject)[field] : value;
}

function notUnderstood(where: string): RpcError {
    return new RpcError(UNPROCESSABLE, `runGetMethod: ${where} is not understood; expected ${FORMS}`);
}

function toHex(value: bigint): string {
    return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function toBase64(cell: Cell): string {
    return cell.toBoc().toString('base64');
}
