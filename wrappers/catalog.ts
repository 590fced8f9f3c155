import { Address, beginCell, Cell } from '@ton/core';
import { addressOf } from './addresses';
import { CatalogData, loadListedMeasurement } from './measurement_catalog';
import { bigIntToHash } from './payloads';

/** A measurement in a catalog. */
export type ListedMeasurement = {
    /** SHA-256 of MRTD and RTMR0 to RTMR3, 32 bytes. */
    measurement: Buffer;
    /** Unix seconds from which the curator vouches for it. */
    effectiveFrom: number;
    /** Where its source is and how to build it. */
    note: string;
};

/** A MeasurementCatalog as its getter `catalog_data` shows it. */
export type Catalog = {
    curator: Address;
    /** uint64; lets one curator keep several catalogs. */
    salt: bigint;
    /** Seconds from the announcement of a measurement until it is trusted. */
    delay: number;
    /** Whether it lists nothing ever again. */
    closed: boolean;
    /** Announced and trusted ones, ascending. */
    measurements: ListedMeasurement[];
    /** nanoTON that the curator cannot take out: a year's rent. */
    reserve: bigint;
};

/**
 * @returns a note as the contract stores it: one cell of UTF-8.
 * @throws RangeError outside 1 to 127 bytes.
 */
export function packNote(note: string): Cell {
    const bytes = Buffer.from(note, 'utf8');
    if (bytes.length < 1 || bytes.length > 127) {
        throw new RangeError(`A note has 1 to 127 bytes, "${note}" has ${bytes.length}.`);
    }
    return beginCell().storeBuffer(bytes).endCell();
}

/** @returns what {@link packNote} packed; bytes that are not UTF-8 are replaced, for the curator chose them freely. */
export function unpackNote(cell: Cell): string {
    const slice = cell.beginParse();
    return slice.loadBuffer(slice.remainingBits / 8).toString('utf8');
}

/**
 * @param data what `getCatalogData()` returned. Whoever knows the curator compares the account's address with
 * `catalogDeployment(curator, salt, delay)` first: the address proves code, curator and delay.
 */
export function unpackCatalog(data: CatalogData): Catalog {
    const measurements = [...data.measurements].map(([measurement, cell]): ListedMeasurement => {
        const { effectiveFrom, note } = loadListedMeasurement(cell.beginParse());
        return { measurement: bigIntToHash(measurement), effectiveFrom: Number(effectiveFrom), note: unpackNote(note) };
    });
    return {
        curator: addressOf(data.curator),
        salt: data.salt,
        delay: Number(data.delay),
        closed: data.closed,
        measurements: measurements.sort((a, b) => a.measurement.compare(b.measurement)),
        reserve: data.reserve,
    };
}

/**
 * As the getter `is_trusted`, for a catalog that was read already.
 * @param measurement 32 bytes.
 * @param now unix seconds of the chain.
 */
export function trusts(catalog: Catalog, measurement: Buffer, now: number): boolean {
    return catalog.measurements.some((listed) => listed.measurement.equals(measurement) && now >= listed.effectiveFrom);
}
