import { Cell, Slice } from '@ton/core';

// As much of TL-B as wrappers/messages.tlb uses: enough to compare it with the bindings and to decode cells with it.

/** A type: a name or a number, with arguments; `^` and `*` are names too. */
export type Type = { name: string; args: Type[] };
export type Field = { name: string; type: Type };
export type Constructor = {
    name: string;
    /** Bits and value of the prefix; none for `$_`. */
    tag: { bits: number; value: number } | null;
    fields: Field[];
    /** `{ a <= b }`. */
    constraints: [Type, Type][];
    result: Type;
};

/** @returns the constructors of a scheme, in their order. */
export function parseScheme(source: string): Constructor[] {
    return source
        .replace(/\/\/[^\n]*/g, '')
        .split(';')
        .filter((text) => text.trim() !== '')
        .map(parseConstructor);
}

function parseConstructor(text: string): Constructor {
    const head = /^\s*(\w+)(?:#([0-9a-f]+)|\$_)\s/.exec(text);
    if (head === null) {
        throw new Error(`Not a constructor: ${text}`);
    }
    const reader = new Reader(text.slice(head[0].length));
    const fields: Field[] = [];
    const constraints: [Type, Type][] = [];
    while (!reader.take('=')) {
        if (reader.take('{')) {
            const left = reader.atom();
            if (reader.take('<=')) {
                constraints.push([left, reader.atom()]);
            } else {
                reader.expect(':');
                reader.expect('#');
            }
            reader.expect('}');
        } else {
            const name = reader.next();
            reader.expect(':');
            fields.push({ name, type: reader.atom() });
        }
    }
    const result = reader.application();
    reader.end();
    const [, name, hex] = head;
    return {
        name,
        tag: hex === undefined ? null : { bits: hex.length * 4, value: parseInt(hex, 16) },
        fields,
        constraints,
        result,
    };
}

class Reader {
    private readonly tokens: string[];

    constructor(text: string) {
        this.tokens = text.match(/\w+|<=|##|[^\s\w]/g) ?? [];
    }

    next(): string {
        const token = this.tokens.shift();
        if (token === undefined) {
            throw new Error('The constructor ends too early');
        }
        return token;
    }

    take(token: string): boolean {
        return this.tokens[0] === token ? this.tokens.shift() !== undefined : false;
    }

    expect(token: string): void {
        const found = this.next();
        if (found !== token) {
            throw new Error(`Expected ${token}, found ${found} before ${this.tokens.join(' ')}`);
        }
    }

    end(): void {
        if (this.tokens.length > 0) {
            throw new Error(`Unexpected ${this.tokens.join(' ')}`);
        }
    }

    /** One type: a name, `^type` or `( ... )`. */
    atom(): Type {
        const token = this.next();
        if (token === '^') {
            return { name: '^', args: [this.atom()] };
        }
        if (token !== '(') {
            return { name: token, args: [] };
        }
        const type = this.application();
        this.expect(')');
        return type;
    }

    /** `Name arg arg`, `a * b` or `a + b`, up to a closing parenthesis or the end. */
    application(): Type {
        const first = this.atom();
        for (const operator of ['*', '+']) {
            if (this.take(operator)) {
                return { name: operator, args: [first, this.atom()] };
            }
        }
        const args: Type[] = [];
        while (this.tokens.length > 0 && this.tokens[0] !== ')') {
            args.push(this.atom());
        }
        return { name: first.name, args };
    }
}

export type Value = string | number | bigint | boolean | null | Cell | Value[] | { [field: string]: Value };
type Numbers = Record<string, number>;

/** Decodes cells by a scheme; throws when a cell has other bits or references than the scheme says. */
export class Decoder {
    constructor(private readonly scheme: Constructor[]) {}

    /** @returns the fields of a whole cell, with the constructor's name as `$`. */
    decode(cell: Cell, type: string): { [field: string]: Value } {
        return this.cell(cell, { name: type, args: [] }, {}) as { [field: string]: Value };
    }

    private cell(cell: Cell, type: Type, numbers: Numbers): Value {
        const slice = cell.beginParse();
        const value = this.value(slice, type, numbers);
        slice.endParse();
        return value;
    }

    private value(slice: Slice, { name, args }: Type, numbers: Numbers): Value {
        const sized = /^(uint|int|bits)(\d+)$/.exec(name);
        if (sized !== null) {
            const bits = Number(sized[2]);
            if (sized[1] === 'bits') {
                return slice.loadBuffer(bits / 8).toString('hex');
            }
            return sized[1] === 'uint' ? slice.loadUintBig(bits) : slice.loadIntBig(bits);
        }
        switch (name) {
            case 'Coins':
                return slice.loadCoins();
            case 'Bool':
                return slice.loadBit();
            case '##':
                return slice.loadUint(Number(args[0].name));
            case 'Maybe':
                return slice.loadBit() ? this.value(slice, args[0], numbers) : null;
            case '^':
                return args[0].name === 'Cell' ? slice.loadRef() : this.cell(slice.loadRef(), args[0], numbers);
            case '*':
                return Array.from({ length: evaluate(args[0], numbers) }, () => this.value(slice, args[1], numbers));
            case 'HashmapE':
                return slice.loadMaybeRef();
            case 'Any': {
                const rest = slice.asCell();
                slice.skip(slice.remainingBits);
                while (slice.remainingRefs > 0) {
                    slice.loadRef();
                }
                return rest;
            }
            default:
                return this.constructed(
                    slice,
                    name,
                    args.map((argument) => evaluate(argument, numbers)),
                );
        }
    }

    private constructed(slice: Slice, name: string, args: number[]): Value {
        for (const constructor of this.scheme.filter(({ result }) => result.name === name)) {
            const numbers = match(constructor, args);
            const { tag, fields } = constructor;
            const empty = slice.remainingBits === 0 && slice.remainingRefs === 0;
            if (numbers === null || (tag === null && fields.length === 0 && !empty)) {
                continue;
            }
            if (tag !== null) {
                if (slice.remainingBits < tag.bits || slice.preloadUint(tag.bits) !== tag.value) {
                    continue;
                }
                slice.skip(tag.bits);
            }
            const value: { [field: string]: Value } = { $: constructor.name };
            for (const field of fields) {
                value[field.name] = this.value(slice, field.type, numbers);
                if (typeof value[field.name] === 'number') {
                    numbers[field.name] = value[field.name] as number;
                }
            }
            if (!constructor.constraints.every(([low, high]) => evaluate(low, numbers) <= evaluate(high, numbers))) {
                throw new Error(`${constructor.name}: a constraint does not hold`);
            }
            return value;
        }
        throw new Error(`No constructor of ${name} ${args.join(' ')} fits ${slice}`);
    }
}

function evaluate({ name, args }: Type, numbers: Numbers): number {
    if (name === '+') {
        return evaluate(args[0], numbers) + evaluate(args[1], numbers);
    }
    return /^\d+$/.test(name) ? Number(name) : numbers[name];
}

/** The numbers with which a constructor's result type has these arguments (`n` or `n + 4`), or null. */
function match({ result, constraints }: Constructor, args: number[]): Numbers | null {
    const numbers: Numbers = {};
    for (const [index, { name, args: terms }] of result.args.entries()) {
        const value = name === '+' ? args[index] - Number(terms[1].name) : args[index];
        if (value < 0) {
            return null;
        }
        numbers[name === '+' ? terms[0].name : name] = value;
    }
    const known = constraints.filter(([low]) => low.name in numbers);
    return known.every(([low, high]) => evaluate(low, numbers) <= evaluate(high, numbers)) ? numbers : null;
}
