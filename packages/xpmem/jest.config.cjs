module.exports = { displayName: 'xpmem', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
