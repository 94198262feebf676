module.exports = { displayName: 'trace', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
