/** Statuses that Intel gives to levels. */
export type TcbStatusName =
    | 'UpToDate'
    | 'SWHardeningNeeded'
    | 'ConfigurationNeeded'
    | 'ConfigurationAndSWHardeningNeeded'
    | 'OutOfDate'
    | 'OutOfDateConfigurationNeeded'
    | 'Revoked';

type LevelEnd = {
    status: TcbStatusName;
    /** Unix seconds. */
    date?: number;
    /** Left out: no such field. */
    advisories?: readonly string[];
};

/** A level of a TDX module or of the quoting enclave. */
export type IsvLevel = LevelEnd & { isvSvn: number };

/** A level of a platform. */
export type TcbLevel = LevelEnd & {
    /** 16 numbers. */
    sgx: readonly number[];
    pceSvn: number;
    /** 16 numbers. */
    tdx: readonly number[];
};

/** A TDX module; values in hexadecimal. */
export type ModuleIdentity = {
    /** 48 bytes. */
    mrSigner: string;
    /** 8 bytes. */
    attributes: string;
    /** 8 bytes. */
    attributesMask: string;
};

export type TcbInfoFields = {
    /** Unix seconds. */
    issueDate: number;
    /** Unix seconds. */
    nextUpdate: number;
    /** 12 hexadecimal digits. */
    fmspc: string;
    /** 4 hexadecimal digits. */
    pceId: string;
    evaluationNumber: number;
    /** What modules of generation 0 have to be. */
    module: ModuleIdentity;
    /** Modules of later generations, `TDX_01` and so on; null: the field is absent. */
    modules: readonly (ModuleIdentity & { id: string; levels: readonly IsvLevel[] })[] | null;
    levels: readonly TcbLevel[];
};

export type QeIdentityFields = {
    /** Unix seconds. */
    issueDate: number;
    /** Unix seconds. */
    nextUpdate: number;
    evaluationNumber: number;
    /** 4 bytes in hexadecimal, as the two following. */
    miscSelect: string;
    miscSelectMask: string;
    /** 16 bytes. */
    attributes: string;
    attributesMask: string;
    /** 32 bytes. */
    mrSigner: string;
    isvProdId: number;
    levels: readonly IsvLevel[];
};

/** Date of levels that name none: 2024-11-13. */
const LevelDate = Date.UTC(2024, 10, 13) / 1000;
/** What Intel says of each SGX component besides its number. */
const SgxComponents = [
    { category: 'BIOS', type: 'Early Microcode Update' },
    { category: 'OS/VMM', type: 'SGX Late Microcode Update' },
    { category: 'OS/VMM', type: 'TXT SINIT' },
    { category: 'BIOS' },
    { category: 'BIOS' },
    { category: 'BIOS' },
    {},
    { category: 'OS/VMM', type: 'SEAMLDR ACM' },
];
const TdxComponents = [
    { category: 'OS/VMM', type: 'TDX Module' },
    { category: 'OS/VMM', type: 'TDX Module' },
    { category: 'OS/VMM', type: 'TDX Late Microcode Update' },
];

/** @returns the signed text of TCB info, version 3, with fields in Intel's order. */
export function tcbInfoText(fields: TcbInfoFields): string {
    return JSON.stringify({
        id: 'TDX',
        version: 3,
        issueDate: isoDate(fields.issueDate),
        nextUpdate: isoDate(fields.nextUpdate),
        fmspc: fields.fmspc,
        pceId: fields.pceId,
        tcbType: 0,
        tcbEvaluationDataNumber: fields.evaluationNumber,
        tdxModule: moduleIdentity(fields.module),
        ...(fields.modules === null
            ? {}
            : {
                  tdxModuleIdentities: fields.modules.map(({ id, levels, ...module }) => ({
                      id,
                      ...moduleIdentity(module),
                      tcbLevels: levels.map(isvLevel),
                  })),
              }),
        tcbLevels: fields.levels.map((level) => ({
            tcb: {
                sgxtcbcomponents: components(level.sgx, SgxComponents),
                pcesvn: level.pceSvn,
                tdxtcbcomponents: components(level.tdx, TdxComponents),
            },
            ...levelEnd(level),
        })),
    });
}

/** @returns the signed text of the TD quoting enclave's identity, version 2, with fields in Intel's order. */
export function qeIdentityText(fields: QeIdentityFields): string {
    return JSON.stringify({
        id: 'TD_QE',
        version: 2,
        issueDate: isoDate(fields.issueDate),
        nextUpdate: isoDate(fields.nextUpdate),
        tcbEvaluationDataNumber: fields.evaluationNumber,
        miscselect: fields.miscSelect,
        miscselectMask: fields.miscSelectMask,
        attributes: fields.attributes,
        attributesMask: fields.attributesMask,
        mrsigner: fields.mrSigner,
        isvprodid: fields.isvProdId,
        tcbLevels: fields.levels.map(isvLevel),
    });
}

function isoDate(seconds: number): string {
    return new Date(seconds * 1000).toISOString().replace(/\.\d+/, '');
}

function components(svns: readonly number[], notes: readonly object[]): object[] {
    return svns.map((svn, index) => ({ svn, ...notes[index] }));
}

function moduleIdentity({ mrSigner, attributes, attributesMask }: ModuleIdentity): object {
    return { mrsigner: mrSigner, attributes, attributesMask };
}

function isvLevel(level: IsvLevel): object {
    return { tcb: { isvsvn: level.isvSvn }, ...levelEnd(level) };
}

function levelEnd({ status, date = LevelDate, advisories }: LevelEnd): object {
    return {
        tcbDate: isoDate(date),
        tcbStatus: status,
        ...(advisories === undefined ? {} : { advisoryIDs: advisories }),
    };
}
