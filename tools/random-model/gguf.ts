/** Version 3 of the format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
const Version = 3;
const Alignment = 32;

export type MetadataValue =
    | { readonly type: 'uint32' | 'float32'; readonly value: number }
    | { readonly type: 'bool'; readonly value: boolean }
    | { readonly type: 'string'; readonly value: string }
    | { readonly type: 'strings'; readonly value: readonly string[] }
    | { readonly type: 'int32s'; readonly value: readonly number[] };

/** A tensor whose content is `bytes` long; the first dimension is the one that is contiguous. */
export type TensorInfo = {
    readonly name: string;
    readonly dimensions: readonly number[];
    /** Number of its type in ggml. */
    readonly type: number;
    readonly bytes: number;
};

const TypeCodes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 };

/** @returns zeros that bring a length up to the alignment of tensors. */
export function padding(length: number): Buffer {
    return Buffer.alloc((Alignment - (length % Alignment)) % Alignment);
}

/** @returns everything before the content of the first tensor. The tensors follow in this order, each padded. */
export function encodeHeader(
    metadata: Readonly<Record<string, MetadataValue>>,
    tensors: readonly TensorInfo[],
): Buffer {
    const parts = [Buffer.from('GGUF', 'latin1'), uint32(Version), uint64(tensors.length)];
    parts.push(uint64(Object.keys(metadata).length));
    for (const [key, value] of Object.entries(metadata)) parts.push(text(key), encodeValue(value));
    let offset = 0;
    for (const { name, dimensions, type, bytes } of tensors) {
        parts.push(text(name), uint32(dimensions.length), ...dimensions.map(uint64), uint32(type), uint64(offset));
        offset += bytes + padding(bytes).length;
    }
    const header = Buffer.concat(parts);
    return Buffer.concat([header, padding(header.length)]);
}

function encodeValue({ type, value }: MetadataValue): Buffer {
    switch (type) {
        case 'uint32':
            return Buffer.concat([uint32(TypeCodes.uint32), uint32(value)]);
        case 'float32': {
            const bytes = Buffer.alloc(4);
            bytes.writeFloatLE(value);
            return Buffer.concat([uint32(TypeCodes.float32), bytes]);
        }
        case 'bool':
            return Buffer.concat([uint32(TypeCodes.bool), Buffer.from([value ? 1 : 0])]);
        case 'string':
            return Buffer.concat([uint32(TypeCodes.string), text(value)]);
        case 'strings':
            return array(TypeCodes.string, value.map(text));
        case 'int32s':
            return array(TypeCodes.int32, value.map(int32));
    }
}

function array(elementType: number, elements: readonly Buffer[]): Buffer {
    const start = [uint32(TypeCodes.array), uint32(elementType), uint64(elements.length)];
    return Buffer.concat([...start, ...elements]);
}

function text(value: string): Buffer {
    const bytes = Buffer.from(value, 'utf8');
    return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
}

function int32(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
}

function uint64(value: number): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
}
