import { acceptsTcbStatus, TcbStatus, tcbStatusMask, tcbStatusName, TcbStatusName } from '../../wrappers';

const Names = Object.keys(TcbStatus) as TcbStatusName[];

describe('the mask of accepted TCB statuses', () => {
    it('has one bit for each name, and none without names', () => {
        expect(tcbStatusMask()).toBe(0);
        expect(Names.map((name) => tcbStatusMask(name))).toEqual([1, 2, 4, 8, 16, 32, 64]);
        expect(tcbStatusMask('UpToDate', 'SWHardeningNeeded', 'UpToDate')).toBe(3);
    });

    it('accepts exactly what it was made of, by number and by name', () => {
        const mask = tcbStatusMask('UpToDate', 'OutOfDate');
        expect(Names.filter((name) => acceptsTcbStatus(mask, name))).toEqual(['UpToDate', 'OutOfDate']);
        expect(Names.filter((name) => acceptsTcbStatus(mask, TcbStatus[name]))).toEqual(['UpToDate', 'OutOfDate']);
    });
});

it('a TCB status is shown by its name, an unknown one by its number', () => {
    expect(Names.map((name) => tcbStatusName(TcbStatus[name]))).toEqual(Names);
    expect(tcbStatusName(7)).toBe('7');
});
