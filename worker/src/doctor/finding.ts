/** How a check ended. 'skipped': it could not be made, because of something that is reported elsewhere. */
export type FindingStatus = 'ok' | 'warning' | 'problem' | 'skipped';

/** What one check found; every text is for a person. */
export type Finding = {
    status: FindingStatus;
    /** What was looked at, in a few words. */
    check: string;
    found: string;
    /** What was expected instead; of warnings and problems. */
    expected?: string;
    /** What to do next: a command wherever there is one. */
    next?: string;
};

/** What to say where something is not as it should be. */
type Complaint = Omit<Finding, 'status' | 'check' | 'found'>;

export function ok(check: string, found: string): Finding {
    return { status: 'ok', check, found };
}

/** It works, but costs money, speed or safety. */
export function warning(check: string, found: string, complaint: Complaint): Finding {
    return { status: 'warning', check, found, ...complaint };
}

/** A new host would earn nothing. */
export function problem(check: string, found: string, complaint: Complaint): Finding {
    return { status: 'problem', check, found, ...complaint };
}

export function skipped(check: string, why: string): Finding {
    return { status: 'skipped', check, found: why };
}
