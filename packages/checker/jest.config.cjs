module.exports = { displayName: 'checker', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
